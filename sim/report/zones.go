package report

import (
	"strings"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// unspread are the times in which zones were lost that had all pods of a traffic's Service.
// The zone is the provider's, and where pods run is the customer's plan (Microsoft,
// "Reliability in Azure Kubernetes Service (AKS)", shared responsibility, 2026).
func unspread(in Input, t api.Traffic) (list []Part) {
	zones := map[int64]timeline.Event{}
	for _, e := range in.Events {
		if strings.HasPrefix(e.Subject, "zone/") {
			zones[e.Seq] = e
		}
		if lost, ok := zones[e.Cause]; ok && e.Verb == "is in one zone" && e.Subject == "service/"+t.Service() {
			list = append(list, Part{Owner: OwnerCustomer, From: e.Time, To: lost.Time.Add(untilHealed(in.Events, lost, in.To)), Why: clean(e.String())})
		}
	}
	return list
}
