package policy

import (
	"net/netip"
	"testing"
)

func TestSpecial(t *testing.T) {
	for _, tt := range []struct{ addr, what string }{ // nothing: the address is not special
		{"1.1.1.1", ""},
		{"198.41.0.4", ""},
		{"11.0.0.1", ""},
		{"2606:4700:4700::1111", ""},
		{"2a00:1450:4001:81b::200e", ""},

		{"127.0.0.1", "this machine"},
		{"127.255.255.254", "this machine"},
		{"::1", "this machine"},
		{"0.0.0.0", "no address"},
		{"0.1.2.3", "no address"},
		{"::", "no address"},
		{"169.254.0.1", "link-local"},
		{"169.254.169.253", "link-local"},
		{"fe80::1", "link-local"},
		{"febf::1", "link-local"},
		{"fe80::1%eth0", "link-local"},
		{"10.0.0.1", "private"},
		{"172.16.0.1", "private"},
		{"172.31.255.255", "private"},
		{"172.32.0.1", ""},
		{"192.168.1.1", "private"},
		{"fc00::1", "private"},
		{"fdff::1", "private"},
		{"fec0::1", "private"}, // site-local
		{"100.64.0.1", "shared"},
		{"100.127.255.255", "shared"},
		{"100.128.0.1", ""},
		{"224.0.0.1", "multicast"},
		{"239.255.255.255", "multicast"},
		{"ff02::1", "multicast"},
		{"ff0e::1", "multicast"},
		{"255.255.255.255", "broadcast"},
		{"198.18.0.1", "benchmarking"},
		{"198.19.255.255", "benchmarking"},
		{"2001:2::1", "benchmarking"},
		{"192.0.2.1", "documentation"},
		{"198.51.100.1", "documentation"},
		{"203.0.113.1", "documentation"},
		{"2001:db8::1", "documentation"},
		{"3fff::1", "documentation"},
		{"192.0.0.8", "reserved"},
		{"240.0.0.1", "reserved"},
		{"2001:20::1", "reserved"},
		{"1000::1", "reserved"},
		{"4000::1", "reserved"},
		{"8000::1", "reserved"},
		{"100::1", "discarded"},
		{"5f00::1", "segment routing"},

		{"169.254.169.254", "a metadata service"},
		{"169.254.170.2", "a metadata service"},
		{"168.63.129.16", "a metadata service"},
		{"168.63.129.17", ""},
		{"100.100.100.200", "a metadata service"},
		{"fd00:ec2::254", "a metadata service"},
		{"fd20:ce::254", "a metadata service"},

		// IPv4 in IPv6
		{"::ffff:127.0.0.1", "this machine"},
		{"::ffff:7f00:1", "this machine"},
		{"::ffff:169.254.169.254", "a metadata service"},
		{"::ffff:1.1.1.1", ""},
		{"::127.0.0.1", "IPv4 in IPv6"}, // compatible
		{"::1.1.1.1", "IPv4 in IPv6"},
		{"::ffff:0:127.0.0.1", "IPv4 in IPv6"}, // translated by SIIT
		{"64:ff9b::127.0.0.1", "this machine"}, // NAT64
		{"64:ff9b::a9fe:a9fe", "a metadata service"},
		{"64:ff9b::10.1.2.3", "private"},
		{"64:ff9b::1.1.1.1", ""},
		{"64:ff9b:1::1.1.1.1", "IPv4 in IPv6"}, // a network's own NAT64
		{"64:ff9b:1:fffe::7f00:1", "IPv4 in IPv6"},
		{"64:ff9b:0:1::1", "reserved"},
		{"2002:7f00:1::1", "IPv4 in IPv6"}, // 6to4
		{"2002:101:101::1", "IPv4 in IPv6"},
		{"192.88.99.1", "IPv4 in IPv6"},
		{"2001:0:7f00:1::1", "IPv4 in IPv6"},          // Teredo
		{"2a00:1450::5efe:127.0.0.1", "this machine"}, // ISATAP
		{"2a00:1450::200:5efe:10.0.0.1", "private"},   // ISATAP, of a global address
		{"2a00:1450::5efe:1.1.1.1", ""},
		{"2a00:1450::1:5efe:10.0.0.1", ""}, // an interface of another kind
	} {
		s, ok := specialOf(netip.MustParseAddr(tt.addr))
		if ok != (tt.what != "") || s.what != tt.what {
			t.Errorf("%s is special: %t, %q of %v; want %q", tt.addr, ok, s.what, s.prefix, tt.what)
		}
		if ok && !s.prefix.Contains(netip.MustParseAddr(tt.addr).WithZone("").Unmap()) {
			t.Errorf("%s does not belong to %v", tt.addr, s.prefix)
		}
	}
}

// What package net/netip knows to be special is special here, too.
func FuzzSpecial(f *testing.F) {
	for _, a := range []string{"127.0.0.1", "10.0.0.1", "::1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:10.0.0.1"} {
		b := netip.MustParseAddr(a).As16()
		f.Add(b[:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != 16 {
			return
		}
		a := netip.AddrFrom16([16]byte(b))
		known := !a.Unmap().IsGlobalUnicast() || a.Unmap().IsPrivate()
		if known && !IsSpecial(a) {
			t.Errorf("%v is not special", a)
		}
		if v4 := a.Unmap(); v4.Is4() && IsSpecial(a) != IsSpecial(v4) {
			t.Errorf("%v and %v differ", a, v4)
		}
	})
}
