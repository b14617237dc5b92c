package host

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// free reports whether one of the addresses can be listened on, without
// listening: a bound socket answers nobody.
func free(addresses []string) error {
	var first error
	for _, a := range addresses {
		err := bind(a)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func bind(address string) error {
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return err
	}
	fail := func(call string, err error) error {
		return &net.OpError{Op: "listen", Net: "tcp", Addr: addr, Err: os.NewSyscallError(call, err)}
	}
	family := unix.AF_INET
	var sa unix.Sockaddr
	if ip := addr.IP.To4(); ip != nil || addr.IP == nil {
		v4 := &unix.SockaddrInet4{Port: addr.Port}
		copy(v4.Addr[:], ip)
		sa = v4
	} else {
		v6 := &unix.SockaddrInet6{Port: addr.Port}
		copy(v6.Addr[:], addr.IP.To16())
		if i, err := net.InterfaceByName(addr.Zone); addr.Zone != "" && err == nil {
			v6.ZoneId = uint32(i.Index)
		}
		family, sa = unix.AF_INET6, v6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail("socket", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fail("setsockopt", err)
	}
	if err := unix.Bind(fd, sa); err != nil {
		return fail("bind", err)
	}
	return nil
}
