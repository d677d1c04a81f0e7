package upstream

import (
	"k8s.io/client-go/tools/cache"
	"k8s.io/component-base/configz"
	logsapi "k8s.io/component-base/logs/api/v1"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

// Each incarnation's options would set up logging again, which is an error.
func init() { logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged }

// ForgetControllerManager empties the process's registries of what the last life
// of kube-controller-manager entered there: the next one would not start.
func ForgetControllerManager() {
	configz.Delete(kcm.ConfigzName)
	cache.ResetInformerNamesForTesting()
}

// ForgetScheduler does the same for kube-scheduler.
func ForgetScheduler() { configz.Delete("componentconfig") }
