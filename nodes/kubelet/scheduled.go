package kubelet

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// scheduledInterval is how often the node problem detector asks the instance metadata
// service for events of the VM (Microsoft, "Node Problem Detector (NPD) in Azure Kubernetes
// Service (AKS) nodes", PreemptScheduled). Here it asks when there is news.
const scheduledInterval = 2 * time.Second

// EventScheduled is the condition of a node whose VM has a scheduled event.
const EventScheduled = corev1.NodeConditionType("VMEventScheduled")

// The plugins of the node problem detector that say so, and their words (GitHub issues
// maksim-paskal/aks-node-termination-handler#98, 2025, and Azure/AKS#4757): those for the
// event Preempt were seen, and the others are taken to be like them.
const (
	conditionPlugin = "custom-scheduledevents-consolidated-condition-plugin-monitor"
	eventPlugin     = "custom-scheduledevents-consolidated-%s-plugin-monitor"
	eventText       = "%s Scheduled: %s. DurationInSeconds: -1.  For more information, see https://aka.ms/aks/scheduledevents."
	conditionText   = "Node condition %s is now: %s, reason: %s, message: %q"
)

// Scheduled has the node problem detector find out that there is an event.
func (k *Kubelet) Scheduled() { k.ks.Timers.Wake(k.item) }

// probeScheduled lets the node problem detector find an event that is scheduled for the
// machine, at its next look. It returns when that is.
func (k *Kubelet) probeScheduled(now time.Time) time.Time {
	if k.m.EventAt.IsZero() {
		k.scheduled = ""
		return time.Time{}
	}
	text := fmt.Sprintf(eventText, k.m.EventType, k.m.EventAt.UTC().Format(http.TimeFormat))
	if k.scheduled == text || !k.npd {
		return time.Time{}
	}
	if look := now.Truncate(scheduledInterval); look.Before(now) {
		return look.Add(scheduledInterval)
	}
	k.scheduled = text
	k.problemsDue = true
	c := k.eventCondition()
	k.events.addFrom(now, eventKey{kind: warning, reason: c.Reason, message: fmt.Sprintf(conditionText, c.Type, c.Status, c.Reason, c.Message), source: conditionPlugin})
	k.events.addFrom(now, eventKey{kind: warning, reason: k.m.EventType + "Scheduled", message: k.scheduled, source: fmt.Sprintf(eventPlugin, strings.ToLower(k.m.EventType))})
	return time.Time{}
}

// eventCondition is the node problem detector's condition of scheduled events, without
// its times.
func (k *Kubelet) eventCondition() corev1.NodeCondition {
	if k.scheduled == "" {
		return corev1.NodeCondition{Type: EventScheduled, Status: corev1.ConditionFalse, Reason: "NoVMEventScheduled", Message: "VM has no scheduled event"}
	}
	return corev1.NodeCondition{Type: EventScheduled, Status: corev1.ConditionTrue, Reason: "VMEventScheduled", Message: k.scheduled}
}
