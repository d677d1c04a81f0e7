package api

import "time"

// BackupInterval is how often the provider backs up a cluster's etcd (Microsoft,
// "Support policies for Azure Kubernetes Service", 2019-04-01: every 30 minutes).
const BackupInterval = 30 * time.Minute

// BackupPolicy says which backups are kept. The newest one that verifies is
// always kept.
type BackupPolicy struct {
	// KeepAll is for how long every backup is kept; 24 h if zero.
	KeepAll Duration `json:"keepAll,omitempty"`
	// KeepDaily is for how many days after that the last backup of each day
	// (UTC) is kept; 7 if zero.
	KeepDaily int `json:"keepDaily,omitempty"`
}

// Backup is one backup of a cluster's etcd as the provider's catalogue has it.
type Backup struct {
	// ID names the backup and its file: the time of its slot, such as
	// 20260105T083000Z; one that was asked for ends in -manual.
	ID string `json:"id"`
	// Slot is the moment of the schedule that it was taken for.
	Slot time.Time `json:"slot"`
	// At is the virtual time of the snapshot: what was acknowledged before is in it.
	At time.Time `json:"at"`
	// DurationSeconds is the virtual time from the snapshot to the catalogue.
	DurationSeconds float64 `json:"durationSeconds"`
	// Revision is etcd's revision at the snapshot.
	Revision int64 `json:"revision"`
	// Keys counts the keys that exist, as etcdutl snapshot status does.
	Keys int64 `json:"keys"`
	// Bytes is the size of the file in the store, and SHA256 its digest in hex.
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	// DatabaseBytes is the size of etcd's database in it.
	DatabaseBytes int64 `json:"databaseBytes"`
	// Member is the etcd member that gave the snapshot.
	Member            string `json:"member"`
	KubernetesVersion string `json:"kubernetesVersion"`
	EtcdVersion       string `json:"etcdVersion"`
	// ClusterID is the managed cluster that it belongs to.
	ClusterID string `json:"clusterID"`
	// Verified says that the file was read back and is whole, as of VerifiedAt.
	Verified   bool      `json:"verified"`
	VerifiedAt time.Time `json:"verifiedAt,omitzero"`
	// Problem says why it is not Verified.
	Problem string `json:"problem,omitempty"`
}

// Restore is one restore of a cluster's etcd from a backup.
type Restore struct {
	ID string `json:"id"`
	// Reason is why the provider decided it.
	Reason string `json:"reason"`
	// Requested says that an operator of the provider asked for it.
	Requested bool `json:"requested,omitempty"`
	// Wanted is the backup that the operator asked for; empty for the newest
	// that verifies.
	Wanted string `json:"wanted,omitempty"`
	Phase  string `json:"phase" enum:"restore-phase"`
	// Error says why Phase is failed, or why it is not known how much is lost.
	Error string `json:"error,omitempty"`
	// Backup is the one that was restored; Skipped are newer ones that did not
	// verify.
	Backup  string          `json:"backup,omitempty"`
	Skipped []SkippedBackup `json:"skipped,omitempty"`
	// BackupAt is when that backup was taken, Lost when etcd's data was lost, or was
	// replaced because an operator asked for it, Decided when the provider decided,
	// End when the API server served again.
	BackupAt time.Time `json:"backupAt,omitzero"`
	Lost     time.Time `json:"lost"`
	Decided  time.Time `json:"decided"`
	End      time.Time `json:"end,omitzero"`
	// Revision is etcd's revision after the restore: the backup's, raised so
	// that no client sees a version go back.
	Revision int64 `json:"revision,omitempty"`
	// RPOSeconds is how much of the past is gone: from the backup to the loss. If the
	// clock went back between the two it is negative, and says nothing.
	RPOSeconds float64 `json:"rpoSeconds"`
	// RTOSeconds is how long it took: from the loss to an API server that serves.
	RTOSeconds float64 `json:"rtoSeconds"`
	// Reconciled is what the nodes had to change.
	Reconciled Reconciled `json:"reconciled,omitzero"`
}

// Phases of a [Restore].
const (
	RestoreStaged    = "staged" // for the next start
	RestoreDecided   = "decided"
	RestoreRestoring = "restoring"
	RestoreStarting  = "starting"
	RestoreDone      = "done"
	RestoreFailed    = "failed"
)

// SkippedBackup is a backup that a restore did not use, and why.
type SkippedBackup struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Reconciled is where the nodes' truth and a restored etcd differed.
type Reconciled struct {
	// OrphanedPods ran on nodes and are unknown to etcd: they are stopped.
	OrphanedPods []string `json:"orphanedPods,omitempty"`
	// RevivedPods are back in etcd and ran nowhere: they are started again, or
	// deleted by their controllers.
	RevivedPods []string `json:"revivedPods,omitempty"`
	// OrphanedDisks were made for claims that etcd does not know: nobody deletes them, and
	// they are billed.
	OrphanedDisks []string `json:"orphanedDisks,omitempty"`
	// LostDisks are named by PersistentVolumes that are back in etcd, and were deleted: pods
	// that want them wait.
	LostDisks []string `json:"lostDisks,omitempty"`
	// OrphanedShares and LostShares are file shares, likewise.
	OrphanedShares []string `json:"orphanedShares,omitempty"`
	LostShares     []string `json:"lostShares,omitempty"`
}

// RestoreRequest asks for a restore.
type RestoreRequest struct {
	// Backup is the ID of the backup; empty for the newest that verifies.
	Backup string `json:"backup,omitempty"`
}

// StagedRestore is the file, in a data directory, of the [RestoreRequest] that the
// next start carries out.
const StagedRestore = "provider/restore.json"

// Replica is one replica of the provider's plane.
type Replica struct {
	// Name is its place, "0" to "2".
	Name    string `json:"name"`
	State   string `json:"state" enum:"replica-state"`
	Network string `json:"network" enum:"network"`
	// Term is raft's term, Applied the index of the newest entry of the log
	// that it has applied, Last the newest that it has.
	Term    uint64 `json:"term"`
	Applied uint64 `json:"applied"`
	Last    uint64 `json:"last"`
	// Since is the virtual time of the last change of State.
	Since time.Time `json:"since"`
}

// States of a [Replica].
const (
	ReplicaLeader    = "leader"
	ReplicaFollower  = "follower"
	ReplicaCandidate = "candidate"
	ReplicaStopped   = "stopped"
)
