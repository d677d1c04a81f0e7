//lint:file-ignore ST1005 Errors are in upstream's words.

package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/sim/api"

	corev1 "k8s.io/api/core/v1"
)

// Texts of events (kubernetes/autoscaler, core/scaleup/orchestrator/executor.go,
// processors/status/eventing_scale_up_processor.go and clusterstate/clusterstate.go, 2026).
const (
	settingText   = "Scale-up: setting group %s size to %d instead of %d (max: %d)"
	setText       = "Scale-up: group %s size set to %d instead of %d (max: %d)"
	failedText    = "Scale-up failed for group %s: %v"
	timedOutText  = "Nodes added to group %s failed to register within %v"
	removedText   = "Removed unregistered node %v"
	triggeredText = "pod triggered scale-up: [{%s %d->%d (max: %d)}]"
	waitsText     = "pod didn't trigger scale-up: %s"
)

// grow asks for the VMs of a scale-up. A pool that does not get them is left alone for a
// while.
func (c *Controller) grow(ctx context.Context, up *ScaleUp) {
	g := up.Group
	c.event(ctx, corev1.EventTypeNormal, "ScaledUpGroup", fmt.Sprintf(settingText, g.Name, up.To, up.From, g.Max))
	err := c.Cloud.Grow(ctx, g.Pool, up.To-up.From, len(up.Pods))
	if err != nil {
		c.event(ctx, corev1.EventTypeWarning, "FailedToScaleUpGroup", fmt.Sprintf(failedText, g.Name, err))
		c.backOff(g.Pool, err)
		return
	}
	c.event(ctx, corev1.EventTypeNormal, "ScaledUpGroup", fmt.Sprintf(setText, g.Name, up.To, up.From, g.Max))
	for _, pod := range up.Pods {
		c.events.event(ctx, podRef(pod), corev1.EventTypeNormal, "TriggeredScaleUp", fmt.Sprintf(triggeredText, g.Name, up.From, up.To, g.Max))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mem.LastUp = time.Now()
}

func (c *Controller) backOff(pool string, err error) {
	code, message := "cloudProviderError", err.Error()
	if e, ok := errors.AsType[*api.Error](err); ok && e.Code != "" {
		code = e.Code
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mem.Backoffs[pool] = c.mem.Backoffs[pool].after(time.Now(), code, message)
	c.wake()
}

// giveUp deletes VMs that have not become nodes in time.
func (c *Controller) giveUp(ctx context.Context, groups []Group, plan Plan) {
	for _, g := range groups {
		if len(plan.Late[g.Pool]) == 0 {
			continue
		}
		err := fmt.Errorf(timedOutText, g.Name, provisionTime)
		c.event(ctx, corev1.EventTypeWarning, "ScaleUpTimedOut", err.Error())
		c.backOff(g.Pool, err)
		for _, vm := range plan.Late[g.Pool] {
			if c.Cloud.Shrink(ctx, g.Pool, vm) == nil {
				c.event(ctx, corev1.EventTypeNormal, "DeleteUnregistered", fmt.Sprintf(removedText, vm))
			}
		}
	}
}

// tellAgain is when it is said again that a pod waits: upstream's recorder lets that through
// of what is said at each look (client-go, tools/record: one event of a kind in five minutes
// after the first).
const tellAgain = 5 * time.Minute

// told is what was said of a pod that waits.
type told struct {
	text string
	at   time.Time
}

// tellWaiting says of the pods that wait why no pool grows for them.
func (c *Controller) tellWaiting(ctx context.Context, now time.Time, plan *Plan) {
	was := c.told
	c.told = map[string]told{}
	for _, w := range plan.Waiting {
		text, uid := fmt.Sprintf(waitsText, reasonsText(w.Reasons)), string(w.Pod.UID)
		last := was[uid]
		if last.text != text || now.Sub(last.at) >= tellAgain {
			c.events.event(ctx, podRef(w.Pod), corev1.EventTypeNormal, "NotTriggerScaleUp", text)
			last = told{text, now}
		}
		c.told[uid] = last
		plan.at(now, last.at.Add(tellAgain))
	}
}

// reasonsText is reasons with their numbers, in the order of the alphabet.
func reasonsText(reasons map[string]int) string {
	var parts []string
	for _, r := range slices.Sorted(maps.Keys(reasons)) {
		parts = append(parts, fmt.Sprintf("%d %s", reasons[r], r))
	}
	return strings.Join(parts, ", ")
}
