package controlplane

import (
	"slices"

	"demarc/sim/addon"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"
)

// Grants are the roles, and their bindings, that an API server makes when it starts, by the
// feature gates of now. It puts them back only then.
func Grants() []addon.Grant {
	var list []addon.Grant
	users := components()
	roles := map[string]string{} // the component that a ClusterRole is for
	for _, b := range slices.Concat(bootstrappolicy.ClusterRoleBindings(), bootstrappolicy.ControllerRoleBindings()) {
		b.TypeMeta = typeMeta("ClusterRoleBinding")
		needs := neededBy(users, b.Subjects)
		if needs != "" {
			roles[b.RoleRef.Name] = needs
		}
		list = append(list, addon.Grant{Object: &b, Needs: needs})
	}
	bound := map[string]string{} // the component that a Role is for, by namespace and name
	for namespace, bindings := range bootstrappolicy.NamespaceRoleBindings() {
		for _, b := range bindings {
			b.TypeMeta = typeMeta("RoleBinding")
			needs := neededBy(users, b.Subjects)
			if needs != "" {
				bound[namespace+"/"+b.RoleRef.Name] = needs
			}
			list = append(list, addon.Grant{Object: &b, Needs: needs})
		}
	}
	for _, r := range slices.Concat(bootstrappolicy.ClusterRoles(), bootstrappolicy.ControllerRoles()) {
		r.TypeMeta = typeMeta("ClusterRole")
		list = append(list, addon.Grant{Object: &r, Needs: roles[r.Name]})
	}
	for namespace, all := range bootstrappolicy.NamespaceRoles() {
		for _, r := range all {
			r.TypeMeta = typeMeta("Role")
			list = append(list, addon.Grant{Object: &r, Needs: bound[namespace+"/"+r.Name]})
		}
	}
	return list
}

func typeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind}
}

// neededBy is the component of the control plane that some of the subjects of a binding
// are; empty for none.
func neededBy(users map[string]string, subjects []rbacv1.Subject) string {
	for _, s := range subjects {
		if c := users[userOf(s)]; c != "" {
			return c
		}
	}
	return ""
}

// userOf is a subject as the user that the API server takes it for; empty for a group.
func userOf(s rbacv1.Subject) string {
	switch s.Kind {
	case rbacv1.UserKind:
		return s.Name
	case rbacv1.ServiceAccountKind:
		return serviceaccount.MakeUsername(s.Namespace, s.Name)
	}
	return ""
}

// components are the components of the control plane by the users that they are: each of
// the controllers has a service account.
func components() map[string]string {
	users := map[string]string{schedulerUser.user: Scheduler, controllers.user: ControllerManager}
	for _, b := range bootstrappolicy.ControllerRoleBindings() {
		for _, s := range b.Subjects {
			users[userOf(s)] = ControllerManager
		}
	}
	return users
}
