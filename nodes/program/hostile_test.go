package program

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// hostile are scripts that ask for more memory, stack or time than there is.
var hostile = map[string]string{
	"replacement":       `x=$(printf "%99999d" 1); y=${x// /$x}; echo ${#y}`,
	"replacement, many": `x=$(printf "%99999d" 1); y=${x// /$x}${x// /$x}; z=${y//1/$y}`,
	"doubling":          "x=aaaaaaaaaaaaaaaa\n" + strings.Repeat("x=$x$x\n", 60),
	"one statement":     "a0=aaaaaaaaaaaaaaaa " + doubled(60, "a%d=$a%d$a%d "),
	"assigned":          ": " + doubled(60, "${b%d:=$b%d$b%d x}"),
	"parentheses":       strings.Repeat("(", 400_000),
	"closed":            strings.Repeat("(", 100_000) + ":" + strings.Repeat(")", 100_000),
	"arithmetic":        "echo $((" + strings.Repeat("(", 400_000),
	"sum":               "echo $((" + strings.Repeat("1+", 400_000) + "1))",
	"negations":         "[[ " + strings.Repeat("! ", 300_000) + "x ]]",
	"substitutions":     strings.Repeat("$(", 300_000),
	"quotes":            strings.Repeat("\"$(echo ", 100_000),
	"parameters":        strings.Repeat("${a:-", 150_000),
	"conditions":        strings.Repeat("if ", 300_000),
	"blocks":            strings.Repeat("{ ", 400_000),
	"list":              strings.Repeat("true && ", 100_000) + "true",
	"pipeline":          strings.Repeat("cat | ", 100_000) + "cat",
	"eval":              `x='('; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do x=$x$x; done; eval "$x"`,
	"trap":              `x='('; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do x=$x$x; done; trap "$x" EXIT`,
	"shell":             `x='('; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do x=$x$x; done; sh -c "$x"; echo "$x" > f; . ./f; sh f`,
	"alias":             `shopt -s expand_aliases; x='('; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do x=$x$x; done; alias y="$x"; y`,
	"subscript":         `a=(1); x='('; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do x=$x$x; done; unset "a[$x]"`,
	"test":              `set -- $(seq 20000); for i in 1; do [ $(seq 20000 | grep -v x | head -c 60000) ]; done; x=; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do x="$x! $x"; done; [ $x a ]`,
	"braces":            "echo " + strings.Repeat("{a,b}", 60),
	"brace range":       "echo {1..9223372036854775807}",
	"brace words":       `x=$(printf "%99999d" 1); echo {1..10000}"$x"`,
	"printf":            `printf "%99999d%99999d%99999d\n" $(seq 60000)`,
	"printf precision":  `printf "%.999999999d" 1`,
	"fields":            `x=$(printf "%99999d" 1); x="$x$x$x$x"; IFS=; y=$x; IFS=' '; set -- $x$x$x; echo $#`,
	"list of words":     `for i in $(seq 10000); do set -- "$@" "$@" x; done`,
	"array":             `a=(x); for i in $(seq 60); do a+=("${a[@]}"); done`,
	"sparse array":      `a[9223372036854775807]=1; a[999999999]=2; echo ${a[@]}`,
	"element":           `x=$(printf "%99999d" 1); for i in $(seq 100000); do a[$i]="$x$i"; done`,
	"names":             `while :; do i=$((i+1)); eval "v$i=1"; done`,
	"functions":         `x=$(printf "%9999d" 1); while :; do i=$((i+1)); eval "f$i() { echo '$x'; }"; done`,
	"recursion":         "f() { f; }; f",
	"recursion, eval":   `f() { eval f; }; f`,
	"recursion, local":  `x=$(printf "%99999d" 1); f() { local y="$1$x"; f "$y"; }; f a`,
	"recursion, source": `echo '. ./f' > f; . ./f`,
	"recursion, shell":  `echo 'sh f' > f; sh f`,
	"fork bomb":         ":() { : | : & }; f() { f | f & }; f; sleep 30",
	"forks":             "f() { f | cat; }; f",
	"stages":            "for i in $(seq 10000); do sleep 100 & done; wait",
	"glob":              "echo /*/../*/../*/../*/../*/../*/../*/../*/../*",
	"glob, variable":    `p='/*/..'; p=$p$p$p$p$p$p; for i in $p/*; do :; done`,
	"pattern":           `x=$(printf "%99999d" 1); p=$(printf "%4000s" | tr ' ' '*'); for i in 1 2 3 4; do p="$p*a*b*?$p"; done; case $x in $p) echo;; esac; echo ${x%%$p}`,
	"pattern, nested":   "x=$(printf '%99999d' 1); echo ${x//@( *1| )/y}; case $x in " + strings.Repeat("@(", 2000) + "x" + strings.Repeat(")", 2000) + ") ;; esac",
	"regexp":            `x=$(printf "%99999d" 1); [[ $x =~ ((((.{100}){10})*)*)*(.{1000})(.{1000})(.{1000}).{1000}.{1000}x ]]`,
	"grep":              `seq 100000 | grep -E '((.{1000}){1000}){1000}'; seq 10 | grep -E '` + strings.Repeat("(", 100_000) + `'`,
	"read":              `seq 1 100000000 | sort | read x; while read x; do y="$y$x"; done < /dev/zero`,
	"here-string":       `x=$(printf "%99999d" 1); x=$x$x$x$x; while :; do cat <<< "$x$x" > /dev/null; done`,
	"here-document":     strings.Repeat("cat <<A <<B <<C\n", 1000),
	"sequence":          "seq 9223372036854775806 9223372036854775807; seq -9223372036854775807 -3 -9223372036854775808; seq 1 0 5",
	"long sequence":     "seq 1 9223372036854775807 | sort",
	"files":             `while :; do i=$((i+1)); echo > f$i; done`,
	"disk":              `x=$(printf "%99999d" 1); while :; do i=$((i+1)); echo "$x" > f$i; done`,
	"copy":              `x=$(printf "%99999d" 1); for i in $(seq 200); do echo "$x" >> f; done; cat f f f f f f f f | sort | sort | sort | uniq | tee a b c | wc`,
	"exec":              "echo x > f; while :; do exec < f; done",
	"pushd":             "while :; do pushd /tmp > /dev/null; done",
	"panics":            `unset ''; shift -1; getopts abc x -abc; getopts ab x -a; x=abc; y=$'\377'; echo ${x%$(printf '\377')}; declare -A m; m[1+1]=2; echo ${m[2-1]}; unset '' | cat`,
	"loop head":         `for ((i=0; ${x:=$x$x} < 3; i++)); do :; done`,
	"time":              "date +" + strings.Repeat("%c", 20_000),
	"cut":               `x=$(printf "%99999s" 1); echo "$x" | tr ' ' : > f; cut -d: -f "$(seq 20000 | tr '\n' ,)" f; cut -c "$(yes 1-, | head -20000 | tr -d '\n')1" f`,
	"tr":                `x=$(printf "%99999s" 1); for i in 1 2 3 4; do echo "$x" | tr "$x$x" a; done; tr ' -~' a < /etc/passwd`,
	"empty lines":       `yes '' | head -2000000 | tac | sort -k 2 -n | head -1; yes '' | tail -n 1; yes '' | grep -c x; yes '' | xargs -n 1 echo`,
	"sed":               `x=$(printf "%99999d" 1); echo "$x" | sed 's/ /&&&&&&&&&&/g;s/ /&&&&&&&&&&/g;s/./&&&&&&&&&&/g;p;p' | wc -c; yes '' | sed "s/(/(/;$(yes 'p;' | head -20000 | tr -d '\n')"`,
	"awk":               `seq 100000 | awk '{print $1 $1 $1}' | wc; awk '/((.{1000}){1000}){1000}/' /etc/passwd`,
	"awk, doubling":     `awk 'BEGIN { x = "aaaaaaaa"; while (1) x = x x }'; awk 'BEGIN { while (1) a[i++] = sprintf("%1000d", 1) }'; awk 'BEGIN { for (;;) $(++i) = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" }'; awk 'BEGIN { while (1) ; }'`,
	"awk, deep":         `awk "BEGIN { x = $(yes '(' | head -20000 | tr -d '\n')1 }"; awk "$(yes '{' | head -20000 | tr -d '\n')"; awk "BEGIN { print $(yes '! ' | head -20000 | tr -d '\n')1 }"; awk "BEGIN { print $(yes '-' | head -9999 | tr -d '\n') 1 }"`,
	"xargs":             `yes a | xargs -n 1 yes | head -1; seq 10000 | xargs -I{} echo {}{}{}{}; yes xargs | xargs xargs xargs`,
	"walk":              `for i in $(seq 3000); do mkdir d$i; done; while :; do find / -name x; du /; ls -lR / /; done`,
	"long search":       `x=$(printf "%99999d" 1); for i in $(seq 30); do echo "$x$x$x$x" >> f; done; for i in $(seq 20); do p="$p.{900}"; done; grep -E "${p}x|y" f; sed -E "s/${p}x//" f; awk "/${p}x/" f`,
	"tar":               `x=$(printf "%99999d" 1); for i in $(seq 100); do echo "$x" > f$i; done; tar czf t.tgz f*; for i in $(seq 100); do tar xzf t.tgz; done; tar cf - / | tar tf - | wc -l; yes | head -1000000 | gzip | gunzip | wc -c`,
	"dd":                `dd if=/dev/zero bs=1G count=1000 | od | wc; dd if=/dev/zero bs=16M count=1 | sha512sum; expr $(yes '(' | head -20000) 1`,
	"base64":            `x=$(printf "%99999d" 1); echo "$x$x$x$x" | base64 | base64 | base64 -d | base64 -d | wc -c`,
	"own formula":       `echo 2>> '/dev/.demarc/size/+ + * ^ / =x ?y f:z 9 9' ; echo >> /dev/.demarc/subst/-1`,
}

// doubled are n parts, each made of twice the one before it.
func doubled(n int, format string) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		part := format
		for _, k := range []int{i, i - 1, i - 1} {
			part = strings.Replace(part, "%d", string(rune('0'+k/10))+string(rune('0'+k%10)), 1)
		}
		b.WriteString(part)
	}
	return strings.Replace(b.String(), "$a00", "aaaaaaaaaaaaaaaa", 2)
}

// maxPeak is how much memory of ours one script may take at a time, and maxWall how much
// of our time before it has to wait.
const (
	maxPeak = 96 << 20
	maxWall = 5 * time.Second
)

func TestHostileScripts(t *testing.T) {
	for name, script := range hostile {
		t.Run(name, func(t *testing.T) {
			done := make(chan uint64)
			stop := make(chan struct{})
			go func() { done <- peak(stop) }()
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // what waits, waits longer
			defer cancel()
			code, err := Exec(ctx, testSpec(), sh(script), strings.NewReader(""), io.Discard, io.Discard)
			if err != nil || code < 0 || code > 255 {
				t.Errorf("got %d, %v", code, err)
			}
			took := time.Since(began)
			close(stop)
			if most := <-done; most > maxPeak || took > maxWall {
				t.Errorf("took %d MiB, %v", most>>20, took)
			} else {
				t.Logf("took %d MiB, %v", most>>20, took)
			}
		})
	}
}

// peak is the most memory that is in use until stop is closed, beyond what is at first.
func peak(stop chan struct{}) (most uint64) {
	runtime.GC()
	first := held()
	for {
		select {
		case <-stop:
			return most
		case <-time.After(5 * time.Millisecond):
			if now := held(); now > first {
				most = max(most, now-first)
			}
		}
	}
}

// held is the memory in use. What waits to be collected depends on the collector, and
// on the race detector.
func held() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() + sample[1].Value.Uint64()
}

// Input that cannot be read is an error of the command's, and no fault of ours.
func TestInputThatFails(t *testing.T) {
	for _, command := range []string{"head -c 5", "head", "tail", "wc", "cat", "sort", "uniq", "grep x", "tee x"} {
		var out bytes.Buffer
		code, err := Exec(t.Context(), Spec{Image: "busybox"}, strings.Fields(command), iotest.ErrReader(errors.New("odd")), &out, &out)
		if err != nil || code < 1 || code > 2 || !strings.Contains(out.String(), "Input/output error") {
			t.Errorf("%s: exit code %d, %v, and %q", command, code, err, out.String())
		}
	}
}
