package shell

// Coreutils are the commands that bring what is the same everywhere.
var Coreutils map[string]Command

func init() { // some of the table's functions refer to it
	Coreutils = map[string]Command{
		"sh": sh, "bash": sh, "dash": sh, "id": id, "whoami": whoami, "env": env, "printenv": env, "sleep": sleep, "timeout": timeout,
		"nohup": wrapped, "nice": wrapped, "ionice": wrapped, "setsid": wrapped, "stdbuf": wrapped, "watch": wrapped,
		"cat": cat, "tac": cat, "less": cat, "more": cat, "ls": ls, "stat": stat, "mkdir": mkdir, "touch": touch, "rm": rm, "rmdir": rm, "cp": cp, "mv": cp, "ln": cp,
		"tee": tee, "find": find, "du": du, "sync": Nothing, "readlink": readlink, "realpath": readlink,
		"grep": grep, "egrep": grep, "fgrep": grep, "sed": sed, "awk": awk, "gawk": awk, "cut": cut, "sort": sortLines, "uniq": uniq, "wc": wc, "head": head, "tail": head, "tr": tr, "seq": seq, "yes": yes,
		"basename": basename, "dirname": basename, "base64": base64Text, "xargs": xargs, "echo": echo, "printf": builtin, "test": builtin, "[": builtin, "true": Nothing, "false": no, "pwd": builtin,
		"date": date, "nproc": nproc, "curl": curl, "wget": wget, "nc": nc, "ncat": nc, "which": which, "type": which,
		"tar": tarball, "gzip": gzipped, "gunzip": gzipped, "zcat": gzipped, "dd": dd, "od": od, "hexdump": od, "cmp": cmpFiles, "mktemp": mktemp, "expr": expr, "rev": rev,
		"md5sum": checksum, "sha1sum": checksum, "sha256sum": checksum, "sha512sum": checksum, "install": cp, "chgrp": chown, "chown": chown, "chmod": chmod, "usleep": Nothing, "arch": arch,
		"ip": ip, "ifconfig": ip, "ping": ping, "uptime": uptime,
		"uname": uname, "hostname": hostname, "ps": ps, "top": top, "kill": kill, "pkill": pkill, "killall": pkill, "pgrep": pkill, "pidof": pkill,
	}
}
