package main

import (
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"demarc/sim/api"
)

// bill is a bill of materials: an SPDX 2.3 document, as far as the modules of a Go
// program say what that wants to know.
type bill struct {
	Version     string         `json:"spdxVersion"`
	License     string         `json:"dataLicense"`
	ID          string         `json:"SPDXID"`
	Name        string         `json:"name"`
	Namespace   string         `json:"documentNamespace"`
	Creation    creation       `json:"creationInfo"`
	Packages    []spdxPackage  `json:"packages"`
	Relations   []relationship `json:"relationships"`
	DescribedBy []string       `json:"documentDescribes"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

// spdxPackage is a program, or a module that is linked into one.
type spdxPackage struct {
	ID        string      `json:"SPDXID"`
	Name      string      `json:"name"`
	Version   string      `json:"versionInfo"`
	Location  string      `json:"downloadLocation"`
	Analyzed  bool        `json:"filesAnalyzed"`
	Checksums []checksum  `json:"checksums,omitempty"`
	Refs      []reference `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type reference struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

// writeBill writes the bill of an archive: its programs, and the modules that the Go
// linker says are in them.
func writeBill(file, name string, programs []string) error {
	x := bill{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: name,
		Namespace: "https://demarc.dev/spdx/" + name,
		Creation:  creation{made.Format("2006-01-02T15:04:05Z"), []string{"Tool: demarc-dist-" + api.Version}},
	}
	for _, p := range programs {
		if err := x.addProgram(p); err != nil {
			return err
		}
	}
	slices.SortFunc(x.Packages, func(a, b spdxPackage) int { return cmp.Compare(a.ID, b.ID) })
	b, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

func (x *bill) addProgram(path string) error {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	sum, err := sha256Of(path)
	if err != nil {
		return err
	}
	program := spdxPackage{ID: spdxID(filepath.Base(path)), Name: filepath.Base(path), Version: api.Version, Location: "NOASSERTION", Checksums: []checksum{{"SHA256", sum}}}
	x.Packages, x.DescribedBy = append(x.Packages, program), append(x.DescribedBy, program.ID)
	x.relate(x.ID, "DESCRIBES", program.ID)
	modules := append([]*debug.Module{{Path: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go")}}, info.Deps...)
	for _, m := range modules {
		if m.Replace != nil {
			m = m.Replace
		}
		p := spdxPackage{
			ID: spdxID(m.Path + "-" + m.Version), Name: m.Path, Version: m.Version, Location: "NOASSERTION",
			Refs: []reference{{"PACKAGE-MANAGER", "purl", fmt.Sprintf("pkg:golang/%s@%s", m.Path, strings.ReplaceAll(m.Version, "+", "%2B"))}},
		}
		if !slices.ContainsFunc(x.Packages, func(q spdxPackage) bool { return q.ID == p.ID }) {
			x.Packages = append(x.Packages, p)
		}
		x.relate(program.ID, "STATIC_LINK", p.ID)
	}
	return nil
}

func (x *bill) relate(from, how, to string) {
	x.Relations = append(x.Relations, relationship{from, how, to})
}

// spdxID is an identifier: letters, digits, dots and hyphens.
func spdxID(name string) string {
	return "SPDXRef-" + strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
}
