// Package example is a controller as anybody's is, made with controller-runtime, that knows
// nothing of demarc; its test runs it on a managed cluster that loses its control plane.
//
// This folder is a module of its own, as a user's is: all that joins it to demarc is the one
// replace in its go.mod.
package example

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// Label is what a Deployment says by which the controller makes a Service for it.
const Label = "example.com/exposed"

// Exposer gives each Deployment with the label a Service of its name.
type Exposer struct{ client.Client }

// SetupWithManager has the manager run the controller.
func (e *Exposer) SetupWithManager(m ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(m).For(&appsv1.Deployment{}).Owns(&corev1.Service{}).Complete(e)
}

// Reconcile makes the Service of a Deployment what it should be.
func (e *Exposer) Reconcile(ctx context.Context, r ctrl.Request) (ctrl.Result, error) {
	var d appsv1.Deployment
	if err := e.Get(ctx, r.NamespacedName, &d); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if d.Labels[Label] != "true" {
		return ctrl.Result{}, nil
	}
	s := corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: d.Name}}
	_, err := controllerutil.CreateOrUpdate(ctx, e.Client, &s, func() error {
		s.Spec.Selector = d.Spec.Selector.MatchLabels
		s.Spec.Ports = []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080), Protocol: corev1.ProtocolTCP}}
		return controllerutil.SetControllerReference(&d, &s, e.Scheme())
	})
	return ctrl.Result{}, err
}
