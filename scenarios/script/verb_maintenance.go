package script

import "demarc/sim/api"

// verbMaintenance is az aks maintenanceconfiguration.
var verbMaintenance = Verb{
	Name:    "maintenance",
	Summary: "says in which windows the cluster may be upgraded by itself, as az aks maintenanceconfiguration does",
	Doc: "By channels, which update sets, the cluster or its node images are upgraded in the windows of " + api.MaintenanceAutoUpgrade + " or " +
		api.MaintenanceNodeOSUpgrade + "; without them at night, UTC. update replaces what was said before.",
	Example: "maintenance add " + api.MaintenanceNodeOSUpgrade + " schedule-type=Weekly interval-weeks=1 day-of-week=Friday start-time=22:00 duration=4",
	Args:    append([]Arg{maintenanceActions, {Name: "name", Type: ArgEnum, Values: api.MaintenanceNames, Positional: true, Required: true, Doc: "of what the windows are"}}, maintenanceArgs()...),
	Check: func(k Checker, c *Call) {
		if c.Text("action") == "delete" {
			return
		}
		if err := c.Maintenance().Validate(); err != nil {
			k.Problem(c.Cols["name"], "", "%v", err)
		}
	},
}

var maintenanceActions = actionArg("add", "update", "delete")

// maintenanceArgs are the fields of a maintenance configuration.
func maintenanceArgs() (list []Arg) {
	for _, f := range api.MaintenanceFields {
		a := Arg{Name: f.Name, Type: ArgText, Values: f.Values, Doc: f.Doc, Of: []string{"add", "update"}}
		switch {
		case f.Number():
			a.Type = ArgInt
		case f.Values != nil:
			a.Type = ArgEnum
		}
		list = append(list, a)
	}
	return list
}

// Maintenance is the configuration that a call makes.
func (c *Call) Maintenance() api.MaintenanceConfiguration {
	m := api.MaintenanceConfiguration{Name: c.Text("name")}
	for _, f := range api.MaintenanceFields {
		if text := c.Text(f.Name); text != "" {
			_ = f.Set(&m, text) // what is no number is said elsewhere
		}
	}
	return m
}
