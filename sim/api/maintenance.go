package api

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Names of maintenance configurations: of automatic upgrades of the cluster, and of its node
// images (MicrosoftDocs/azure-aks-docs, planned-maintenance, 2026). The third, default, is for
// weekly releases of the service itself, which there are none of here.
const (
	MaintenanceAutoUpgrade   = "aksManagedAutoUpgradeSchedule"
	MaintenanceNodeOSUpgrade = "aksManagedNodeOSUpgradeSchedule"
)

// MaintenanceNames are the names that a [MaintenanceConfiguration] can have.
var MaintenanceNames = []string{MaintenanceAutoUpgrade, MaintenanceNodeOSUpgrade}

// Types of schedule of a [MaintenanceConfiguration].
const (
	ScheduleDaily           = "Daily"
	ScheduleWeekly          = "Weekly"
	ScheduleAbsoluteMonthly = "AbsoluteMonthly"
	ScheduleRelativeMonthly = "RelativeMonthly"
)

// Words of a [MaintenanceConfiguration].
var (
	ScheduleTypes = []string{ScheduleDaily, ScheduleWeekly, ScheduleAbsoluteMonthly, ScheduleRelativeMonthly}
	Weekdays      = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	WeekIndexes   = []string{"First", "Second", "Third", "Fourth", "Last"}
)

// MaintenanceConfiguration says in which windows the service may upgrade a cluster by itself.
type MaintenanceConfiguration struct {
	Name string `json:"name"`
	// ScheduleType is one of [ScheduleTypes]. Of the intervals, the one that it goes by is from 1:
	// up to 7 days, 4 weeks or 6 months.
	ScheduleType   string `json:"scheduleType"`
	IntervalDays   int    `json:"intervalDays,omitempty"`
	IntervalWeeks  int    `json:"intervalWeeks,omitempty"`
	IntervalMonths int    `json:"intervalMonths,omitempty"`
	// DayOfWeek is one of [Weekdays], WeekIndex one of [WeekIndexes]: which of these in a month.
	// DayOfMonth is 1 to 31; a month that has fewer days has its window on the last.
	DayOfWeek  string `json:"dayOfWeek,omitempty"`
	WeekIndex  string `json:"weekIndex,omitempty"`
	DayOfMonth int    `json:"dayOfMonth,omitempty"`
	// StartTime is when a window opens, such as 09:30, and DurationHours after how many hours it
	// closes, 4 to 24. UTCOffset, such as +02:00, is of all times and dates; UTC if empty.
	StartTime     string `json:"startTime"`
	DurationHours int    `json:"durationHours"`
	UTCOffset     string `json:"utcOffset,omitempty"`
	// StartDate is the day, such as 2026-01-05, from which on there are windows, and by which
	// intervals are counted; the day on which it is made if empty.
	StartDate string `json:"startDate,omitempty"`
	// NotAllowedDates are spans of days, such as 2026-12-23/2027-01-03, on which no window opens.
	NotAllowedDates []string `json:"notAllowedDates,omitempty"`
}

// Bounds of a window, in hours.
const (
	minWindowHours = 4
	maxWindowHours = 24
)

// scheduleFields are what a type of schedule goes by: the flags of az, in its order.
var scheduleFields = map[string][]string{
	ScheduleDaily:           {"--interval-days"},
	ScheduleWeekly:          {"--interval-weeks", "--day-of-week"},
	ScheduleAbsoluteMonthly: {"--interval-months", "--day-of-month"},
	ScheduleRelativeMonthly: {"--interval-months", "--day-of-week", "--week-index"},
}

// fields are the fields that are set of those by which some type of schedule goes.
func (m MaintenanceConfiguration) fields() (set []string) {
	for _, f := range []struct {
		flag string
		is   bool
	}{
		{"--interval-days", m.IntervalDays != 0},
		{"--interval-weeks", m.IntervalWeeks != 0},
		{"--interval-months", m.IntervalMonths != 0},
		{"--day-of-week", m.DayOfWeek != ""},
		{"--day-of-month", m.DayOfMonth != 0},
		{"--week-index", m.WeekIndex != ""},
	} {
		if f.is {
			set = append(set, f.flag)
		}
	}
	return set
}

// Validate says what is wrong with a configuration.
func (m MaintenanceConfiguration) Validate() error {
	if m.Name == "default" {
		return refuseMaintenance("the maintenance configuration default is for weekly releases of AKS itself, which are not simulated: want %s", strings.Join(MaintenanceNames, " or "))
	}
	if !slices.Contains(MaintenanceNames, m.Name) {
		return refuseMaintenance("--name must be one of %s, not %s", strings.Join(MaintenanceNames, " or "), m.Name)
	}
	if err := m.validateSchedule(); err != nil {
		return err
	}
	switch {
	case m.StartTime == "":
		return refuseMaintenance("--start-time is missing: when the window opens, such as 22:00")
	case m.DurationHours == 0:
		return refuseMaintenance("--duration is missing: after how many hours the window closes, %d to %d", minWindowHours, maxWindowHours)
	case m.DurationHours < minWindowHours || m.DurationHours > maxWindowHours:
		return refuseMaintenance("--duration %d: a window is open for %d to %d hours", m.DurationHours, minWindowHours, maxWindowHours)
	}
	if _, err := time.Parse("15:04", m.StartTime); err != nil {
		return refuseMaintenance("--start-time %s: want hours and minutes, such as 09:30", m.StartTime)
	}
	if _, err := m.location(); err != nil {
		return err
	}
	if _, err := time.Parse(time.DateOnly, m.StartDate); m.StartDate != "" && err != nil {
		return refuseMaintenance("--start-date %s: want a day such as 2026-01-05", m.StartDate)
	}
	for _, span := range m.NotAllowedDates {
		if _, _, err := parseSpan(span); err != nil {
			return err
		}
	}
	return nil
}

// validateSchedule is the part of Validate about what it recurs by.
func (m MaintenanceConfiguration) validateSchedule() error {
	needs, ok := scheduleFields[m.ScheduleType]
	if !ok {
		return refuseMaintenance("--schedule-type must be one of %s, not %q", strings.Join(ScheduleTypes, ", "), m.ScheduleType)
	}
	set := m.fields()
	for _, f := range needs {
		if !slices.Contains(set, f) {
			return refuseMaintenance("%s is missing: a schedule of type %s needs %s", f, m.ScheduleType, strings.Join(needs, " and "))
		}
	}
	for _, f := range set {
		if !slices.Contains(needs, f) {
			return refuseMaintenance("%s cannot be used for a schedule of type %s, which goes by %s", f, m.ScheduleType, strings.Join(needs, " and "))
		}
	}
	for _, x := range []struct {
		flag    string
		is, max int
	}{{"--interval-days", m.IntervalDays, 7}, {"--interval-weeks", m.IntervalWeeks, 4}, {"--interval-months", m.IntervalMonths, 6}, {"--day-of-month", m.DayOfMonth, 31}} {
		if x.is < 0 || x.is > x.max {
			return refuseMaintenance("%s %d: want 1 to %d", x.flag, x.is, x.max)
		}
	}
	if m.DayOfWeek != "" && !slices.Contains(Weekdays, m.DayOfWeek) {
		return refuseMaintenance("--day-of-week %s: want one of %s", m.DayOfWeek, strings.Join(Weekdays, ", "))
	}
	if m.WeekIndex != "" && !slices.Contains(WeekIndexes, m.WeekIndex) {
		return refuseMaintenance("--week-index %s: want one of %s", m.WeekIndex, strings.Join(WeekIndexes, ", "))
	}
	return nil
}

func refuseMaintenance(format string, args ...any) error {
	return Errorf(http.StatusBadRequest, "(InvalidParameter) "+format, args...)
}

var utcOffset = regexp.MustCompile(`^[+-](0\d|1[0-4]):[0-5]\d$`)

// location is the zone of its times.
func (m MaintenanceConfiguration) location() (*time.Location, error) {
	if m.UTCOffset == "" {
		return time.UTC, nil
	}
	if !utcOffset.MatchString(m.UTCOffset) {
		return nil, refuseMaintenance("--utc-offset %s: want one such as +02:00 or -05:30", m.UTCOffset)
	}
	t, err := time.Parse("-07:00", m.UTCOffset)
	if err != nil {
		return nil, refuseMaintenance("--utc-offset %s: %v", m.UTCOffset, err)
	}
	_, seconds := t.Zone()
	return time.FixedZone(m.UTCOffset, seconds), nil
}

// parseSpan are the first and the last day of a span.
func parseSpan(s string) (from, to string, err error) {
	from, to, _ = strings.Cut(s, "/")
	for _, day := range []string{from, to} {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return "", "", refuseMaintenance("--not-allowed-dates %s: want the first and the last day, such as 2026-12-23/2027-01-03", s)
		}
	}
	if to < from {
		return "", "", refuseMaintenance("--not-allowed-dates %s: it ends before it begins", s)
	}
	return from, to, nil
}

// String is the configuration in words.
func (m MaintenanceConfiguration) String() string {
	var when string
	switch m.ScheduleType {
	case ScheduleDaily:
		when = every(m.IntervalDays, "day")
	case ScheduleWeekly:
		when = every(m.IntervalWeeks, "week") + " on " + m.DayOfWeek
	case ScheduleAbsoluteMonthly:
		when = fmt.Sprintf("%s on day %d", every(m.IntervalMonths, "month"), m.DayOfMonth)
	case ScheduleRelativeMonthly:
		when = fmt.Sprintf("%s on the %s %s", every(m.IntervalMonths, "month"), strings.ToLower(m.WeekIndex), m.DayOfWeek)
	}
	return fmt.Sprintf("%s from %s (UTC%s) for %d hours", when, m.StartTime, m.UTCOffset, m.DurationHours)
}

func every(n int, unit string) string {
	if n == 1 {
		return "every " + unit
	}
	return fmt.Sprintf("every %d %ss", n, unit)
}
