package backup

import "fmt"

// Kind is what is wrong with a backup.
type Kind string

// Kinds of [BadError].
const (
	// Missing: there is no such file.
	Missing Kind = "Missing"
	// Truncated: the file ends too early.
	Truncated Kind = "Truncated"
	// Corrupt: the file, or the database in it, is not what was written.
	Corrupt Kind = "Corrupt"
	// WrongKey: it was sealed with another key.
	WrongKey Kind = "WrongKey"
	// WrongCluster: it belongs to another cluster.
	WrongCluster Kind = "WrongCluster"
	// NewerFormat: a newer version of demarc wrote it.
	NewerFormat Kind = "NewerFormat"
	// NotABackup: it is some other file.
	NotABackup Kind = "NotABackup"
)

// BadError is a backup that cannot be used, and why.
type BadError struct {
	// ID is the backup's, or the name of a file that is in no store.
	ID   string
	Kind Kind
	// Detail says what is wrong with it, as the end of a sentence.
	Detail string
}

func (e *BadError) Error() string {
	switch e.Kind {
	case Missing:
		return fmt.Sprintf("backup %s is missing: %s", e.ID, e.Detail)
	case NotABackup:
		return fmt.Sprintf("%s is not a backup: %s; the file was left as it is", e.ID, e.Detail)
	}
	return fmt.Sprintf("backup %s cannot be used: %s; the file was left as it is", e.ID, e.Detail)
}

func bad(kind Kind, format string, args ...any) *BadError {
	return &BadError{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}
