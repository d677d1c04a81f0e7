package run

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"demarc/scenarios/script/check"
	"demarc/sim/api"
	"demarc/sim/fault"
)

// inject asks for a fault, or for its end.
func (a action) inject(ctx context.Context) error {
	return only(a.world.As(api.RoleDirector).Inject(ctx, a.Fault))
}

func (a action) aks(ctx context.Context) error {
	switch a.Text("action") {
	case "stop":
		return only(a.customer().StopCluster(ctx))
	case "start":
		return only(a.customer().StartCluster(ctx))
	}
	req := a.upgrade()
	req.ControlPlaneOnly, req.NodeImageOnly = a.Text("only") == "control-plane", a.Text("only") == "node-images"
	return only(a.customer().Upgrade(ctx, req))
}

func (a action) nodepool(ctx context.Context) error {
	pool := a.Text("pool")
	if a.Text("action") == "upgrade" {
		req := a.upgrade()
		req.Pool, req.NodeImageOnly = pool, a.Text("only") == "node-images"
		return only(a.customer().Upgrade(ctx, req))
	}
	switch a.Text("action") {
	case "add":
		return only(a.customer().AddNodePool(ctx, a.addPool()))
	case "update":
		return only(a.customer().UpdateNodePool(ctx, pool, a.updatePool()))
	case "delete":
		return only(a.customer().DeleteNodePool(ctx, pool, api.DeletePoolRequest{IgnorePDB: a.Text("ignore-pdb") == "yes"}))
	}
	n, err := strconv.Atoi(a.Text("to"))
	if err != nil {
		return fmt.Errorf("to: %w", err)
	}
	return only(a.customer().ScaleNodePool(ctx, pool, api.ScaleRequest{Count: n}))
}

// upgrade is what every upgrade can ask for.
func (a action) upgrade() api.UpgradeRequest {
	return api.UpgradeRequest{
		KubernetesVersion: a.Text("to"), MaxSurge: a.Text("max-surge"),
		DrainTimeout: api.Duration(a.Duration("drain-timeout")), NodeSoak: api.Duration(a.Duration("soak")),
	}
}

func (a action) feature(ctx context.Context) error {
	if a.Text("action") == "unregister" {
		return only(a.customer().UnregisterFeature(ctx, a.Text("name")))
	}
	return only(a.customer().RegisterFeature(ctx, a.Text("name")))
}

func (a action) update(ctx context.Context) error {
	gates, err := api.ParseFeatureGates(a.Text("feature-gates"))
	if err != nil {
		return err
	}
	return only(a.customer().Update(ctx, api.UpdateRequest{
		FeatureGates: gates, AllowUnsupportedGates: a.Text("allow-unsupported-gates") == "true",
		KubeProxyMode: a.Text("kube-proxy-mode"), Restriction: a.Text("nrg-lockdown"), LoadBalancer: a.LoadBalancer(), AppRouting: a.AppRouting(),
		NodeOSChannel: a.Text("node-os-upgrade-channel"), UpgradeChannel: a.Text("auto-upgrade-channel"),
	}))
}

// maintenance changes the maintenance configurations.
func (a action) maintenance(ctx context.Context) error {
	switch a.Text("action") {
	case "add":
		return only(a.customer().AddMaintenance(ctx, a.Maintenance()))
	case "update":
		return only(a.customer().UpdateMaintenance(ctx, a.Maintenance()))
	}
	return a.customer().DeleteMaintenance(ctx, a.Text("name"))
}

func (a action) support(ctx context.Context) error {
	switch a.Text("action") {
	case "open":
		return only(a.customer().OpenCase(ctx, a.Case()))
	case "escalate":
		return only(a.customer().EscalateCase(ctx, a.Text("what"), api.CaseNote{}))
	}
	return only(a.customer().CloseCase(ctx, a.Text("what"), api.CaseNote{}))
}

func (a action) osPatch(ctx context.Context) error {
	pkg, version := a.Text("package"), a.Text("version")
	if a.Text("action") == "publish" {
		return only(a.by().PublishPatch(ctx, api.PatchRequest{Package: pkg, Version: version, Reboot: a.Text("reboot") == "yes", Breaks: a.Text("breaks")}))
	}
	for _, p := range a.world.Patches() {
		if p.Package == pkg && !p.Withdrawn && a.Text("version") == "" {
			version = p.Version
		}
	}
	return a.by().WithdrawPatch(ctx, pkg, version)
}

func (a action) cve(ctx context.Context) error {
	return only(a.by().PublishCVE(ctx, api.CVERequest{
		ID: a.Text("id"), Component: a.Text("component"), Severity: a.Text("severity"), Fix: a.Text("fix"), Version: a.Text("version"),
		Guidance: a.Text("guidance"), VendorFixAge: api.Duration(a.Duration("vendor-fix-age")),
	}))
}

// backup does something with backups. That one is bad fails its verification.
func (a action) backup(ctx context.Context) error {
	id, err := a.backupID(a.Text("id"))
	if err != nil {
		return err
	}
	switch as := a.by(); a.Text("action") {
	case "list":
		return only(as.Backups(ctx))
	case "show":
		return only(as.Backup(ctx, id))
	case "take":
		return only(as.TakeBackup(ctx))
	case "delete":
		return as.DeleteBackup(ctx, id)
	case "restore":
		return only(as.Restore(ctx, api.RestoreRequest{Backup: id}))
	default:
		b, err := as.VerifyBackup(ctx, id)
		if err == nil && b.Problem != "" {
			err = errors.New(b.Problem)
		}
		return err
	}
}

// backupID puts the ID of the newest backup in place of latest.
func (a action) backupID(id string) (string, error) {
	if id != fault.Latest {
		return id, nil
	}
	list := check.SortedBackups(a.world)
	if len(list) == 0 {
		return "", errors.New("there is no backup yet")
	}
	return list[len(list)-1].ID, nil
}
