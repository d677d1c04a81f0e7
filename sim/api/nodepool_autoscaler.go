package api

// Autoscaling says whether the cluster autoscaler decides how many nodes a pool has, and
// within which bounds.
type Autoscaling struct {
	EnableAutoScaling bool `json:"enableAutoScaling"`
	MinCount          int  `json:"minCount"`
	MaxCount          int  `json:"maxCount"`
}

// What an [AutoscalerRequest] can ask for.
const (
	AutoscalerEnable  = "enable"
	AutoscalerUpdate  = "update"
	AutoscalerDisable = "disable"
)

// AutoscalerActions are the values of [AutoscalerRequest.Action].
var AutoscalerActions = []string{AutoscalerEnable, AutoscalerUpdate, AutoscalerDisable}

// AutoscalerRequest asks for a change of the cluster autoscaler of a pool.
type AutoscalerRequest struct {
	// Action is what is asked for; empty for no change.
	Action string `json:"action,omitempty" enum:"autoscaler-action"`
	// MinCount and MaxCount are needed but for disable.
	MinCount *int `json:"minCount,omitempty"`
	MaxCount *int `json:"maxCount,omitempty"`
}

// Asked says whether anything is asked for.
func (r AutoscalerRequest) Asked() bool {
	return r.Action != "" || r.MinCount != nil || r.MaxCount != nil
}
