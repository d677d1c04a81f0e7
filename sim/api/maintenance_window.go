package api

import (
	"slices"
	"time"
)

// Window is a time in which the service may upgrade a cluster by itself.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Open says whether a time is in the window.
func (w Window) Open(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// windowDays is how many days ahead a window is looked for. The rarest ones are half a year
// apart.
const windowDays = 3 * 366

// Window is the window that is open at a time, or else the next one; zero if there is none
// for years. The configuration is valid.
func (m MaintenanceConfiguration) Window(t time.Time) Window {
	zone, err := m.location()
	if err != nil {
		return Window{}
	}
	opens, err := time.Parse("15:04", m.StartTime)
	if err != nil {
		return Window{}
	}
	local := t.In(zone)
	first := dayOf(local.AddDate(0, 0, -1)) // its window may be open until today
	start := first
	if d, err := time.Parse(time.DateOnly, m.StartDate); err == nil {
		start = d
	}
	for n := range windowDays {
		day := first.AddDate(0, 0, n)
		if day.Before(start) || !m.recurs(start, day) || !m.allowed(day) {
			continue
		}
		from := time.Date(day.Year(), day.Month(), day.Day(), opens.Hour(), opens.Minute(), 0, 0, zone).UTC()
		w := Window{From: from, To: from.Add(time.Duration(m.DurationHours) * time.Hour)}
		if t.Before(w.To) {
			return w
		}
	}
	return Window{}
}

// recurs says whether a day is one of the schedule's, which is counted from its first one.
func (m MaintenanceConfiguration) recurs(start, day time.Time) bool {
	days := int(day.Sub(start) / (24 * time.Hour))
	months := (day.Year()-start.Year())*12 + int(day.Month()) - int(start.Month())
	weekday := slices.Index(Weekdays, m.DayOfWeek) == int(day.Weekday())
	last := time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	switch m.ScheduleType {
	case ScheduleDaily:
		return days%m.IntervalDays == 0
	case ScheduleWeekly:
		return weekday && days/7%m.IntervalWeeks == 0
	case ScheduleAbsoluteMonthly:
		return months%m.IntervalMonths == 0 && day.Day() == min(m.DayOfMonth, last)
	case ScheduleRelativeMonthly:
		which := (day.Day() - 1) / 7
		nth := slices.Index(WeekIndexes, m.WeekIndex)
		return weekday && months%m.IntervalMonths == 0 && (which == nth || nth == len(WeekIndexes)-1 && day.Day()+7 > last)
	}
	return false
}

// allowed says whether a window may open on a day.
func (m MaintenanceConfiguration) allowed(day time.Time) bool {
	date := day.Format(time.DateOnly)
	return !slices.ContainsFunc(m.NotAllowedDates, func(span string) bool {
		from, to, err := parseSpan(span)
		return err == nil && from <= date && date <= to
	})
}

// dayOf is the day of a time, as midnight of UTC.
func dayOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// With is the configuration with its first day set, if it has none: that of a time.
func (m MaintenanceConfiguration) With(t time.Time) MaintenanceConfiguration {
	if zone, err := m.location(); err == nil && m.StartDate == "" {
		m.StartDate = t.In(zone).Format(time.DateOnly)
	}
	return m
}
