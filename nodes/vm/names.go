package nodes

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"
)

// Pool is the name of the one node pool.
const Pool = "nodepool1"

// scaleSet is the name of the pool's virtual machine scale set: AKS puts eight
// digits that come from the cluster's name into it.
func scaleSet(cluster string) string {
	h := fnv.New32a()
	h.Write([]byte(cluster)) // never fails
	return fmt.Sprintf("aks-%s-%08d-vmss", Pool, h.Sum32()%100_000_000)
}

// instanceID is a scale set's number for its i-th machine: six digits in base 36.
func instanceID(i int) string {
	s := strconv.FormatInt(int64(i), 36)
	return strings.Repeat("0", 6-len(s)) + s
}

// nodeIP is the address of the i-th machine; Azure keeps the first four of a
// subnet for itself.
func nodeIP(i int) netip.Addr {
	return addr([4]byte{10, 224, 0, 0}, uint32(i)+4)
}

// podCIDR is the range of the i-th machine's pods: a /24 of its own, from
// 10.244.0.0 upwards.
func podCIDR(i int) netip.Prefix {
	return netip.PrefixFrom(addr([4]byte{10, 244, 0, 0}, uint32(i)<<8), 24)
}

// slot is the machine's place in the networks, of which its addresses come.
func (m *machine) slot() int {
	ip := m.prefix.Addr().As4()
	return (int(ip[1])-244)<<8 | int(ip[2])
}

// ranges is ascending numbers as text, such as 0-2,5.
func ranges(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		last := i
		for last+1 < len(numbers) && numbers[last+1] == numbers[last]+1 {
			last++
		}
		part := strconv.Itoa(numbers[i])
		if last > i {
			part += "-" + strconv.Itoa(numbers[last])
		}
		parts, i = append(parts, part), last+1
	}
	return strings.Join(parts, ",")
}

// parseRanges reads what ranges wrote, of numbers from 0 to below limit.
func parseRanges(text string, limit int) (numbers []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if err == nil && isRange {
			last, err = strconv.Atoi(to)
		}
		if err != nil || first < 0 || last < first || last >= limit || last-first >= maxSaved-len(numbers) {
			return nil, fmt.Errorf("instances %q are not numbers below %d", text, limit)
		}
		for n := first; n <= last; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

// maxSaved bounds what is read back: a pool's VMs, and as many that
// were deleted outside of AKS.
const maxSaved = 2 * MaxNodes

func addr(base [4]byte, offset uint32) netip.Addr {
	n := uint32(base[0])<<24 | uint32(base[1])<<16 | uint32(base[2])<<8 | uint32(base[3])
	n += offset
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}
