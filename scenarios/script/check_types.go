package script

import (
	"reflect"
	"slices"
)

// The types that checks see. Times are seconds since the cluster was ready.
type (
	celTraffic struct {
		Sent      int64            `cel:"sent"`
		Succeeded int64            `cel:"succeeded"`
		Failed    int64            `cel:"failed"`
		Success   float64          `cel:"success"`
		Reasons   map[string]int64 `cel:"reasons"`
		Backends  map[string]int64 `cel:"backends"`
		Last      celResult        `cel:"last"`
	}
	celResult struct {
		Time    float64 `cel:"time"`
		Latency float64 `cel:"latency"`
		Status  int64   `cel:"status"`
		Reason  string  `cel:"reason"`
		Backend string  `cel:"backend"`
	}
	celComponent struct {
		Name    string  `cel:"name"`
		State   string  `cel:"state"`
		Healthy bool    `cel:"healthy"`
		Message string  `cel:"message"`
		Since   float64 `cel:"since"`
		Starts  int64   `cel:"starts"`
	}
	celMachine struct {
		Name       string `cel:"name"`
		Power      string `cel:"power"`
		Kubelet    string `cel:"kubelet"`
		Network    string `cel:"network"`
		Containers int64  `cel:"containers"`

		Runtime        string   `cel:"runtime"`
		Egress         string   `cel:"egress"`
		Image          string   `cel:"image"`
		Kernel         string   `cel:"kernel"`
		RebootRequired bool     `cel:"rebootRequired"`
		KubeletVersion string   `cel:"kubeletVersion"`
		Surge          bool     `cel:"surge"`
		Pressure       []string `cel:"pressure"`
		Problem        string   `cel:"problem"`
	}
	celRepair struct {
		ID            string   `cel:"id"`
		Node          string   `cel:"node"`
		Subject       string   `cel:"subject"`
		Cause         string   `cel:"cause"`
		Event         int64    `cel:"event"`
		Layer         string   `cel:"layer"`
		Actions       []string `cel:"actions"`
		Errors        []string `cel:"errors"`
		Broken        float64  `cel:"broken"`
		Detected      float64  `cel:"detected"`
		Healed        float64  `cel:"healed"`
		DetectedAfter float64  `cel:"detectedAfter"`
		HealedAfter   float64  `cel:"healedAfter"`
		Lost          []string `cel:"lost"`
		Outcome       string   `cel:"outcome"`
		Reason        string   `cel:"reason"`
	}
	celContainer struct {
		Node       string  `cel:"node"`
		Namespace  string  `cel:"namespace"`
		Pod        string  `cel:"pod"`
		Name       string  `cel:"name"`
		Image      string  `cel:"image"`
		State      string  `cel:"state"`
		Ready      bool    `cel:"ready"`
		Restarts   int64   `cel:"restarts"`
		ExitCode   int64   `cel:"exitCode"`
		Reason     string  `cel:"reason"`
		StartedAt  float64 `cel:"startedAt"`
		FinishedAt float64 `cel:"finishedAt"`
	}
	celEvent struct {
		Seq     int64   `cel:"seq"`
		Time    float64 `cel:"time"`
		Actor   string  `cel:"actor"`
		Verb    string  `cel:"verb"`
		Subject string  `cel:"subject"`
		Message string  `cel:"message"`
		Cause   int64   `cel:"cause"`
	}
	celIncident struct {
		ID       string  `cel:"id"`
		Subject  string  `cel:"subject"`
		Owner    string  `cel:"owner"`
		Cause    string  `cel:"cause"`
		Event    int64   `cel:"event"`
		Start    float64 `cel:"start"`
		Detected float64 `cel:"detected"`
		End      float64 `cel:"end"`
		Open     bool    `cel:"open"`

		Coverage string      `cel:"coverage"`
		Remedy   string      `cel:"remedy"`
		Clauses  []string    `cel:"clauses"`
		Rule     string      `cel:"rule"`
		Sentence string      `cel:"sentence"`
		Chain    []int64     `cel:"chain"`
		Shares   []*celShare `cel:"shares"`
	}
	celShare struct {
		Owner  string  `cel:"owner"`
		From   float64 `cel:"from"`
		To     float64 `cel:"to"`
		Event  int64   `cel:"event"`
		Clause string  `cel:"clause"`
		Why    string  `cel:"why"`
	}
	celSupport struct {
		State   string       `cel:"state"`
		Reasons []*celReason `cel:"reasons"`
		Past    []*celPeriod `cel:"past"`
	}
	celReason struct {
		State    string  `cel:"state"`
		Event    int64   `cel:"event"`
		Clause   string  `cel:"clause"`
		Sentence string  `cel:"sentence"`
		WayBack  string  `cel:"wayBack"`
		From     float64 `cel:"from"`
	}
	celPeriod struct {
		State string  `cel:"state"`
		From  float64 `cel:"from"`
		To    float64 `cel:"to"`
	}
	celBackup struct {
		ID            string  `cel:"id"`
		Slot          float64 `cel:"slot"`
		At            float64 `cel:"at"`
		Duration      float64 `cel:"duration"`
		Revision      int64   `cel:"revision"`
		Keys          int64   `cel:"keys"`
		Bytes         int64   `cel:"bytes"`
		DatabaseBytes int64   `cel:"databaseBytes"`
		SHA256        string  `cel:"sha256"`
		Member        string  `cel:"member"`
		Verified      bool    `cel:"verified"`
		Problem       string  `cel:"problem"`
	}
	celRestore struct {
		ID           string   `cel:"id"`
		Reason       string   `cel:"reason"`
		Requested    bool     `cel:"requested"`
		Phase        string   `cel:"phase"`
		Error        string   `cel:"error"`
		Backup       string   `cel:"backup"`
		Skipped      []string `cel:"skipped"`
		BackupAt     float64  `cel:"backupAt"`
		Lost         float64  `cel:"lost"`
		Decided      float64  `cel:"decided"`
		End          float64  `cel:"end"`
		Revision     int64    `cel:"revision"`
		RPO          float64  `cel:"rpo"`
		RTO          float64  `cel:"rto"`
		OrphanedPods []string `cel:"orphanedPods"`
		RevivedPods  []string `cel:"revivedPods"`
	}
	celPatch struct {
		Package   string   `cel:"package"`
		Version   string   `cel:"version"`
		Reboot    bool     `cel:"reboot"`
		Breaks    string   `cel:"breaks"`
		Published float64  `cel:"published"`
		Withdrawn bool     `cel:"withdrawn"`
		Nodes     []string `cel:"nodes"`
		Waiting   []string `cel:"waiting"`
	}
	celCVE struct {
		ID         string   `cel:"id"`
		Component  string   `cel:"component"`
		Severity   string   `cel:"severity"`
		Fix        string   `cel:"fix"`
		State      string   `cel:"state"`
		Version    string   `cel:"version"`
		Image      string   `cel:"image"`
		Level      string   `cel:"level"`
		Guidance   string   `cel:"guidance"`
		Published  float64  `cel:"published"`
		Patched    float64  `cel:"patched"`
		Notified   float64  `cel:"notified"`
		Fixed      float64  `cel:"fixed"`
		Vulnerable []string `cel:"vulnerable"`
	}
	celReplica struct {
		Name    string  `cel:"name"`
		State   string  `cel:"state"`
		Network string  `cel:"network"`
		Term    int64   `cel:"term"`
		Applied int64   `cel:"applied"`
		Last    int64   `cel:"last"`
		Since   float64 `cel:"since"`
	}
	celFeature struct {
		Name       string  `cel:"name"`
		State      string  `cel:"state"`
		Stage      string  `cel:"stage"`
		Registered float64 `cel:"registered"`
		InForce    bool    `cel:"inForce"`
	}
	celGate struct {
		Name    string `cel:"name"`
		Stage   string `cel:"stage"`
		Default bool   `cel:"default"`
		Enabled bool   `cel:"enabled"`
	}
	celWatch struct {
		Lists       int64 `cel:"lists"`
		Events      int64 `cel:"events"`
		Objects     int64 `cel:"objects"`
		LastVersion int64 `cel:"lastVersion"`
		Backwards   int64 `cel:"backwards"`
		Errors      int64 `cel:"errors"`
		Connected   bool  `cel:"connected"`
	}
)

// celTypes are the types above, in the order in which the reference has them.
var celTypes = []reflect.Type{
	reflect.TypeFor[celTraffic](), reflect.TypeFor[celResult](), reflect.TypeFor[celComponent](), reflect.TypeFor[celMachine](),
	reflect.TypeFor[celContainer](), reflect.TypeFor[celEvent](), reflect.TypeFor[celIncident](), reflect.TypeFor[celShare](),
	reflect.TypeFor[celSupport](), reflect.TypeFor[celReason](), reflect.TypeFor[celPeriod](), reflect.TypeFor[celBackup](),
	reflect.TypeFor[celRestore](), reflect.TypeFor[celRepair](), reflect.TypeFor[celOperation](), reflect.TypeFor[celNodeUpgrade](),
	reflect.TypeFor[celCase](), reflect.TypeFor[celPatch](), reflect.TypeFor[celCVE](),
	reflect.TypeFor[celReplica](), reflect.TypeFor[celWatch](), reflect.TypeFor[celFeature](), reflect.TypeFor[celGate](),
}

// celFields are the names of all fields of the types that checks see.
func celFields() []string {
	var names []string
	for _, t := range celTypes {
		for i := range t.NumField() {
			names = append(names, t.Field(i).Tag.Get("cel"))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
