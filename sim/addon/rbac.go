package addon

import (
	"errors"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/component-helpers/auth/rbac/reconciliation"
)

// Grant is an object of RBAC that an API server makes when it starts, so that the
// components of Kubernetes may do their work.
type Grant struct {
	// Object is a ClusterRole, a Role, or a binding of one, with its kind.
	Object runtime.Object
	// Needs is the component of the control plane that cannot work without it; empty for
	// what others need.
	Needs string
}

// errProtected is of a grant that opts out of being put back, as an API server takes it.
var errProtected = errors.New("annotation " + rbacv1.AutoUpdateAnnotationKey + " of the object says that it is to be left as it is")

// grantObject is a grant as an object that is put back.
func grantObject(g Grant) (*object, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(g.Object)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: fields}
	gvr, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
	return &object{id: id{gvr, u.GetNamespace(), u.GetName()}, kind: u.GetKind(), manifest: u, grant: true, needs: g.Needs}, nil
}

// lack is what a grant is without, by the rule by which an API server puts its own back:
// what others have added stays.
type lack struct {
	operation reconciliation.ReconcileOperation
	// rights says that somebody may not do what the grant lets him.
	rights bool
	// protected says that the object is to be left as it is.
	protected bool
	paths     []path
	// want is the object as it is to be, for an update.
	want *unstructured.Unstructured
}

func (l lack) none() bool { return l.operation == reconciliation.ReconcileNone }

// lack compares a grant with what is there.
func (o *object) lack(live *unstructured.Unstructured) (lack, error) {
	switch o.kind {
	case "ClusterRole":
		want, have := reconciliation.ClusterRoleRuleOwner{ClusterRole: &rbacv1.ClusterRole{}}, reconciliation.ClusterRoleRuleOwner{ClusterRole: &rbacv1.ClusterRole{}}
		return o.lackOfRole(want, have, live)
	case "Role":
		want, have := reconciliation.RoleRuleOwner{Role: &rbacv1.Role{}}, reconciliation.RoleRuleOwner{Role: &rbacv1.Role{}}
		return o.lackOfRole(want, have, live)
	case "ClusterRoleBinding":
		want, have := reconciliation.ClusterRoleBindingAdapter{ClusterRoleBinding: &rbacv1.ClusterRoleBinding{}}, reconciliation.ClusterRoleBindingAdapter{ClusterRoleBinding: &rbacv1.ClusterRoleBinding{}}
		return o.lackOfBinding(want, have, live)
	case "RoleBinding":
		want, have := reconciliation.RoleBindingAdapter{RoleBinding: &rbacv1.RoleBinding{}}, reconciliation.RoleBindingAdapter{RoleBinding: &rbacv1.RoleBinding{}}
		return o.lackOfBinding(want, have, live)
	}
	return lack{}, fmt.Errorf("%s %s is no object of RBAC", o.kind, o.id.name)
}

// role and binding answer with what is there, and are asked for nothing else.
type role struct {
	reconciliation.RuleOwnerModifier
	live reconciliation.RuleOwner
}

// Get implements [reconciliation.RuleOwnerModifier].
func (r role) Get(_, _ string) (reconciliation.RuleOwner, error) { return r.live, nil }

type binding struct {
	reconciliation.RoleBindingModifier
	live reconciliation.RoleBinding
}

// Get implements [reconciliation.RoleBindingModifier].
func (b binding) Get(_, _ string) (reconciliation.RoleBinding, error) { return b.live, nil }

func (o *object) lackOfRole(want, have reconciliation.RuleOwner, live *unstructured.Unstructured) (lack, error) {
	if err := o.typed(want.GetObject(), have.GetObject(), live); err != nil {
		return lack{}, err
	}
	run := reconciliation.ReconcileRoleOptions{Role: want, Client: role{live: have}}
	result, err := run.Run()
	if err != nil {
		return lack{}, err
	}
	l := lack{operation: result.Operation, protected: result.Protected, rights: len(result.MissingRules) > 0 || len(result.MissingAggregationRuleSelectors) > 0}
	if l.rights {
		l.paths = []path{{"rules"}}
	}
	return l.wants(result.Role.GetObject())
}

func (o *object) lackOfBinding(want, have reconciliation.RoleBinding, live *unstructured.Unstructured) (lack, error) {
	if err := o.typed(want.GetObject(), have.GetObject(), live); err != nil {
		return lack{}, err
	}
	run := reconciliation.ReconcileRoleBindingOptions{RoleBinding: want, Client: binding{live: have}}
	result, err := run.Run()
	if err != nil {
		return lack{}, err
	}
	l := lack{operation: result.Operation, protected: result.Protected}
	switch {
	case result.Operation == reconciliation.ReconcileRecreate:
		l.rights, l.paths = true, []path{{"roleRef"}}
	case len(result.MissingSubjects) > 0:
		l.rights, l.paths = true, []path{{"subjects"}}
	}
	return l.wants(result.RoleBinding.GetObject())
}

// typed reads what is wanted and what is there into objects of their kind.
func (o *object) typed(want, have runtime.Object, live *unstructured.Unstructured) error {
	return errors.Join(
		runtime.DefaultUnstructuredConverter.FromUnstructured(o.manifest.Object, want),
		runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, have),
	)
}

// wants completes a lack with the object as it is to be.
func (l lack) wants(typed runtime.Object) (lack, error) {
	if !l.none() && len(l.paths) == 0 {
		l.paths = []path{{"metadata"}}
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	l.want = &unstructured.Unstructured{Object: fields}
	return l, err
}
