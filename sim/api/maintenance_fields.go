package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// MaintenanceField is a field of a [MaintenanceConfiguration] as az's flags, and scripts, set it.
type MaintenanceField struct {
	Name, Doc string
	// Values are those that it can have; nil for any.
	Values []string
	at     func(*MaintenanceConfiguration) any // *int, *string or *[]string
}

// MaintenanceFields are the fields but for the name, in the order of their help.
var MaintenanceFields = []MaintenanceField{
	{"schedule-type", "by what the window recurs", ScheduleTypes, func(m *MaintenanceConfiguration) any { return &m.ScheduleType }},
	{"interval-days", "every how many days, 1 to 7", nil, func(m *MaintenanceConfiguration) any { return &m.IntervalDays }},
	{"interval-weeks", "every how many weeks, 1 to 4", nil, func(m *MaintenanceConfiguration) any { return &m.IntervalWeeks }},
	{"interval-months", "every how many months, 1 to 6", nil, func(m *MaintenanceConfiguration) any { return &m.IntervalMonths }},
	{"day-of-week", "on which day of the week", Weekdays, func(m *MaintenanceConfiguration) any { return &m.DayOfWeek }},
	{"day-of-month", "on which day of the month, 1 to 31", nil, func(m *MaintenanceConfiguration) any { return &m.DayOfMonth }},
	{"week-index", "on which of these days of the week in a month", WeekIndexes, func(m *MaintenanceConfiguration) any { return &m.WeekIndex }},
	{"start-time", "when the window opens, such as 22:00", nil, func(m *MaintenanceConfiguration) any { return &m.StartTime }},
	{"duration", "after how many hours it closes, 4 to 24", nil, func(m *MaintenanceConfiguration) any { return &m.DurationHours }},
	{"utc-offset", "of all times and dates, such as +02:00", nil, func(m *MaintenanceConfiguration) any { return &m.UTCOffset }},
	{"start-date", "from which day on, such as 2026-01-05", nil, func(m *MaintenanceConfiguration) any { return &m.StartDate }},
	{"not-allowed-dates", "spans of days without a window, behind commas: 2026-12-23/2027-01-03", nil, func(m *MaintenanceConfiguration) any { return &m.NotAllowedDates }},
}

// Number says whether the field is a whole number.
func (f MaintenanceField) Number() bool {
	_, is := f.at(&MaintenanceConfiguration{}).(*int)
	return is
}

// Set gives the field of a configuration a value.
func (f MaintenanceField) Set(m *MaintenanceConfiguration, value string) error {
	switch at := f.at(m).(type) {
	case *int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("want a whole number, not %q", value)
		}
		*at = n
	case *string:
		*at = value
	case *[]string:
		*at = strings.Split(value, ",")
	}
	return nil
}

// PlannedMaintenance is a [MaintenanceConfiguration] with the window that is open now, or else
// the next one.
type PlannedMaintenance struct {
	MaintenanceConfiguration
	NextWindow Window `json:"nextWindow,omitzero"`
}

// NoMaintenance says that there is no maintenance configuration of a name.
func NoMaintenance(name string) error {
	return Errorf(http.StatusNotFound, "(NotFound) there is no maintenance configuration %q: demarc aks maintenanceconfiguration add makes it", name)
}
