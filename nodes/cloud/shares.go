package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"demarc/nodes/host"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// What a call about a file share takes. Azure publishes no times; these are what one sees.
const (
	accountCreateTime = 20 * time.Second
	shareCreateTime   = 2 * time.Second
	shareDeleteTime   = 2 * time.Second
	shareResizeTime   = 2 * time.Second
)

// accountSKUs are the kinds of storage accounts that have file shares (Microsoft, "SKU
// Types", Azure Storage Resource Provider).
var accountSKUs = []string{
	"Standard_LRS", "Standard_ZRS", "Standard_GRS", "Standard_RAGRS", "Standard_GZRS", "Standard_RAGZRS", "Premium_LRS", "Premium_ZRS",
}

// DefaultShareSKU is the kind of account of a share of which nothing else is said.
const DefaultShareSKU = "Standard_LRS"

// Sizes that a share can have, in GiB (Microsoft, "Azure Files scalability and performance
// targets").
const (
	minPremiumShareGiB = 100
	maxShareGiB        = 102400
)

// PremiumShare says whether the shares of a kind of account are premium ones.
func PremiumShare(sku string) bool { return strings.HasPrefix(strings.ToLower(sku), "premium") }

// MinShareGiB is the size of the smallest share of a kind of account.
func MinShareGiB(sku string) int64 {
	if PremiumShare(sku) {
		return minPremiumShareGiB
	}
	return 1
}

func checkShareSize(sku string, gib int64) error {
	if least := MinShareGiB(sku); gib < least || gib > maxShareGiB {
		return api.Coded("InvalidParameter", "The value %d of parameter 'shareQuota' is out of range. Value must be between %d and %d, inclusive.", gib, least, maxShareGiB)
	}
	return nil
}

// ShareSpec is a file share as it is asked for.
type ShareSpec struct {
	Account, Name string
	QuotaGiB      int64
	Tags          map[string]string
	// Source is the share whose files it begins with, by its account and name as
	// [Shares.Key] has them; empty for none.
	Source string
}

// Shares are the storage accounts of a node resource group, and their file shares. Like
// [Disks]: methods that take a context are calls of Azure's API. A share is found by its key,
// ACCOUNT/NAME.
type Shares struct {
	resources[api.FileShare, *share]
	group    string            // the resource ID of the resource group
	accounts map[string]string // by name, their kinds
}

// share is one of them. All is under the lock.
type share struct {
	api.FileShare
	stored
}

// NewShares makes the file shares of the resource group with that resource ID.
func NewShares(lock *sync.Mutex, log *timeline.Log, group string) *Shares {
	s := &Shares{group: group, accounts: map[string]string{}}
	s.resources = resources[api.FileShare, *share]{lock: lock, log: log, noun: "file share", subject: "fileshare/", all: map[string]*share{}, absent: func(string) error {
		return api.Coded("ShareNotFound", "The specified share does not exist.")
	}}
	return s
}

// Group is the name of the resource group.
func (s *Shares) Group() string { return groupName(s.group) }

func (x *share) key() string { return x.Account + "/" + x.Name }

func (x *share) tags() map[string]string { return x.Tags }

// shown is the share as it is now.
func (x *share) shown() api.FileShare {
	out := x.FileShare
	out.Tags, out.Used, out.Claim = maps.Clone(x.Tags), x.files.Used(), claimOf(x.Tags)
	return out
}

// Account is the name of a storage account of a kind, which is made if there is none.
func (s *Shares) Account(ctx context.Context, sku string, by timeline.Actor) (string, error) {
	i := slices.IndexFunc(accountSKUs, func(known string) bool { return strings.EqualFold(known, sku) })
	if i < 0 {
		return "", api.Coded("InvalidValuesForRequestParameters", "Values for request parameters are invalid: sku.name.")
	}
	sku = accountSKUs[i]
	h := fnv.New128a()
	h.Write([]byte(s.group + sku))              // never fails
	name := fmt.Sprintf("f%x", h.Sum(nil))[:23] // unique in Azure
	s.lock.Lock()
	takes := time.Duration(0)
	if s.accounts[name] == "" {
		takes = accountCreateTime
	}
	s.lock.Unlock()
	_, err := s.call(ctx, takes, func() (none api.FileShare, _ error) {
		if s.accounts[name] == "" {
			s.accounts[name] = sku
			s.log.Append(timeline.Event{Time: time.Now(), Actor: by, Verb: "created", Subject: "storageaccount/" + name, Message: "a storage account, " + sku})
		}
		return none, nil
	})
	return name, err
}

// Create makes a share. One that is there already is the answer, whatever its size.
func (s *Shares) Create(ctx context.Context, spec ShareSpec, by timeline.Actor) (api.FileShare, error) {
	return s.call(ctx, shareCreateTime, func() (none api.FileShare, _ error) {
		if x := s.all[spec.Account+"/"+spec.Name]; x != nil {
			return x.shown(), nil
		}
		sku := s.accounts[spec.Account]
		if sku == "" {
			return none, api.Coded("ResourceNotFound", "The Resource 'Microsoft.Storage/storageAccounts/%s' under resource group '%s' was not found. "+
				"For more details please go to https://aka.ms/ARMResourceNotFoundFix", spec.Account, s.Group())
		}
		if err := checkShareSize(sku, spec.QuotaGiB); err != nil {
			return none, err
		}
		x := &share{FileShare: api.FileShare{
			Name: spec.Name, Account: spec.Account, QuotaGiB: spec.QuotaGiB, SKU: sku, Created: time.Now().UTC(), Tags: maps.Clone(spec.Tags),
			ID: s.group + "/providers/Microsoft.Storage/storageAccounts/" + spec.Account + "/fileServices/default/shares/" + spec.Name,
		}}
		x.files = host.NewShare(spec.Name, x.QuotaGiB<<30)
		if spec.Source != "" {
			from, err := s.find(spec.Source)
			if err != nil {
				return none, err
			}
			x.files = from.files.Clone(spec.Name, x.QuotaGiB<<30)
		}
		s.all[x.key()] = x
		s.tell(by, "created", x.Name, fmt.Sprintf("a file share of %d GiB, %s, in the storage account %s", x.QuotaGiB, sku, x.Account))
		return x.shown(), nil
	})
}

// Delete deletes a share with all that is on it, though nodes have it mounted.
func (s *Shares) Delete(ctx context.Context, key string, by timeline.Actor) error {
	_, err := s.change(ctx, key, "delete", shareDeleteTime, func(*share) error { return nil }, func(x *share) { s.remove(by, x, x.Name, "file share") })
	return err
}

// Resize gives a share another quota. It counts at once wherever the share is mounted.
func (s *Shares) Resize(ctx context.Context, key string, gib int64, by timeline.Actor) (api.FileShare, error) {
	return s.change(ctx, key, "resize", shareResizeTime, func(x *share) error { return checkShareSize(x.SKU, gib) }, func(x *share) {
		if gib != x.QuotaGiB {
			x.QuotaGiB = gib
			x.files.Grow(gib << 30)
			s.tell(by, "resized", x.Name, fmt.Sprintf("the file share has %d GiB", gib))
		}
	})
}

// Files are a share's, which any node can mount. The lock is held.
func (s *Shares) Files(key string) (*host.Volume, bool) {
	x := s.all[key]
	if x == nil {
		return nil, false
	}
	return x.files, true
}

// savedShares is the form in which accounts and shares are kept.
type savedShares struct {
	Accounts map[string]string `json:"accounts"`
	Shares   []savedShare      `json:"shares,omitempty"`
}

type savedShare struct {
	api.FileShare
	Files json.RawMessage `json:"files,omitempty"`
}

// Save returns the accounts and the shares with what is on them, for [Shares.Load]; nil if
// there are none. The lock is held.
func (s *Shares) Save() (json.RawMessage, error) {
	list, err := saved(&s.resources, func(x *share, files json.RawMessage) savedShare { return savedShare{x.FileShare, files} })
	if err != nil || len(s.accounts) == 0 {
		return nil, err
	}
	return json.Marshal(savedShares{s.accounts, list})
}

// Load puts back what Save returned. On an error there is what there was. The lock is held,
// or nobody else has the shares yet.
func (s *Shares) Load(data json.RawMessage) error {
	if len(data) == 0 {
		return nil
	}
	var kept savedShares
	if err := json.Unmarshal(data, &kept); err != nil {
		return fmt.Errorf("read the saved file shares: %w", err)
	}
	if err := load(&s.resources, kept.Shares, func(x savedShare) (*share, json.RawMessage, error) {
		if x.Name == "" || kept.Accounts[x.Account] != x.SKU {
			return nil, nil, fmt.Errorf("read the saved file share %q: it cannot be in the storage account %q", x.Name, x.Account)
		}
		if err := checkShareSize(x.SKU, x.QuotaGiB); err != nil {
			return nil, nil, fmt.Errorf("read the saved file share %q: %w", x.Name, err)
		}
		return &share{FileShare: x.FileShare, stored: stored{files: host.NewShare(x.Name, x.QuotaGiB<<30)}}, x.Files, nil
	}); err != nil {
		return err
	}
	s.accounts = kept.Accounts
	return nil
}
