package api

import (
	"strings"
	"testing"
	"time"
)

func TestMaintenanceWindow(t *testing.T) {
	base := MaintenanceConfiguration{Name: MaintenanceNodeOSUpgrade, StartTime: "22:00", DurationHours: 4, StartDate: "2026-01-05"}
	with := func(change func(*MaintenanceConfiguration)) MaintenanceConfiguration {
		m := base
		change(&m)
		return m
	}
	daily := with(func(m *MaintenanceConfiguration) { m.ScheduleType, m.IntervalDays = ScheduleDaily, 1 })
	for name, x := range map[string]struct {
		m        MaintenanceConfiguration
		at, want string
	}{
		"before the first": {daily, "2026-01-04T23:00:00Z", "2026-01-05T22:00:00Z"},
		"open":             {daily, "2026-01-06T01:59:59Z", "2026-01-05T22:00:00Z"},
		"just closed":      {daily, "2026-01-06T02:00:00Z", "2026-01-06T22:00:00Z"},
		"every third day":  {with(func(m *MaintenanceConfiguration) { m.ScheduleType, m.IntervalDays = ScheduleDaily, 3 }), "2026-01-06T12:00:00Z", "2026-01-08T22:00:00Z"},
		"another offset": {with(func(m *MaintenanceConfiguration) {
			m.ScheduleType, m.IntervalDays, m.UTCOffset = ScheduleDaily, 1, "+05:30"
		}), "2026-01-06T12:00:00Z", "2026-01-06T16:30:00Z"},
		"weekly": {with(func(m *MaintenanceConfiguration) {
			m.ScheduleType, m.IntervalWeeks, m.DayOfWeek = ScheduleWeekly, 1, "Friday"
		}), "2026-01-05T08:00:00Z", "2026-01-09T22:00:00Z"},
		"every second week": {with(func(m *MaintenanceConfiguration) {
			m.ScheduleType, m.IntervalWeeks, m.DayOfWeek = ScheduleWeekly, 2, "Friday"
		}), "2026-01-10T08:00:00Z", "2026-01-23T22:00:00Z"},
		"on a day of the month": {with(func(m *MaintenanceConfiguration) {
			m.ScheduleType, m.IntervalMonths, m.DayOfMonth = ScheduleAbsoluteMonthly, 1, 31
		}), "2026-02-01T08:00:00Z", "2026-02-28T22:00:00Z"},
		"on the second Tuesday": {with(func(m *MaintenanceConfiguration) {
			m.ScheduleType, m.IntervalMonths, m.WeekIndex, m.DayOfWeek = ScheduleRelativeMonthly, 1, "Second", "Tuesday"
		}), "2026-01-05T08:00:00Z", "2026-01-13T22:00:00Z"},
		"on the last Monday": {with(func(m *MaintenanceConfiguration) {
			m.ScheduleType, m.IntervalMonths, m.WeekIndex, m.DayOfWeek = ScheduleRelativeMonthly, 2, "Last", "Monday"
		}), "2026-01-27T08:00:00Z", "2026-03-30T22:00:00Z"},
		"not over the holidays": {with(func(m *MaintenanceConfiguration) {
			m.ScheduleType, m.IntervalDays, m.NotAllowedDates = ScheduleDaily, 1, []string{"2026-12-23/2027-01-03"}
		}), "2026-12-23T08:00:00Z", "2027-01-04T22:00:00Z"},
		"never, as not for ages": {with(func(m *MaintenanceConfiguration) {
			m.ScheduleType, m.IntervalDays, m.NotAllowedDates = ScheduleDaily, 1, []string{"2026-01-01/2036-01-01"}
		}), "2026-01-05T08:00:00Z", "0001-01-01T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := x.m.Validate(); err != nil {
				t.Fatal(err)
			}
			at, _ := time.Parse(time.RFC3339, x.at)
			got := x.m.Window(at)
			if got.From.Format(time.RFC3339) != x.want {
				t.Errorf("at %s: got %s, want %s", x.at, got.From.Format(time.RFC3339), x.want)
			}
			if !got.To.IsZero() && got.To.Sub(got.From) != 4*time.Hour {
				t.Errorf("it is open for %s", got.To.Sub(got.From))
			}
		})
	}
}

func TestMaintenanceIsRefused(t *testing.T) {
	good := MaintenanceConfiguration{Name: MaintenanceAutoUpgrade, ScheduleType: ScheduleWeekly, IntervalWeeks: 1, DayOfWeek: "Friday", StartTime: "22:00", DurationHours: 4}
	for want, change := range map[string]func(*MaintenanceConfiguration){
		"":                              func(*MaintenanceConfiguration) {},
		"--name must be one of":         func(m *MaintenanceConfiguration) { m.Name = "mine" },
		"weekly releases of AKS itself": func(m *MaintenanceConfiguration) { m.Name = "default" },
		"--schedule-type must be":       func(m *MaintenanceConfiguration) { m.ScheduleType = "Yearly" },
		"--interval-weeks is missing":   func(m *MaintenanceConfiguration) { m.IntervalWeeks = 0 },
		"--interval-days cannot be":     func(m *MaintenanceConfiguration) { m.IntervalDays = 1 },
		"--interval-weeks 5: want":      func(m *MaintenanceConfiguration) { m.IntervalWeeks = 5 },
		"--day-of-week Freitag":         func(m *MaintenanceConfiguration) { m.DayOfWeek = "Freitag" },
		"--start-time is missing":       func(m *MaintenanceConfiguration) { m.StartTime = "" },
		"--start-time 25:00":            func(m *MaintenanceConfiguration) { m.StartTime = "25:00" },
		"--duration is missing":         func(m *MaintenanceConfiguration) { m.DurationHours = 0 },
		"--duration 3":                  func(m *MaintenanceConfiguration) { m.DurationHours = 3 },
		"--utc-offset +2":               func(m *MaintenanceConfiguration) { m.UTCOffset = "+2" },
		"--start-date 5 January":        func(m *MaintenanceConfiguration) { m.StartDate = "5 January" },
		"--not-allowed-dates 2026":      func(m *MaintenanceConfiguration) { m.NotAllowedDates = []string{"2026"} },
		"ends before it begins":         func(m *MaintenanceConfiguration) { m.NotAllowedDates = []string{"2027-01-01/2026-01-01"} },
	} {
		m := good
		change(&m)
		err := m.Validate()
		switch {
		case want == "" && err != nil:
			t.Errorf("refused: %v", err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
