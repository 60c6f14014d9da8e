#!/usr/bin/env bash
# vm.sh FOLDER PROGRAM AGENT [ARGUMENT...]: runs PROGRAM as the init of a virtual machine with the kernel that is
# unpacked in FOLDER/kernel, and with AGENT at its path there, and passes only where it says that all of its tests passed. Exit code 77: there is no kernel, or no
# QEMU; nothing was tested.
set -euo pipefail

seconds_max=900  # it takes 130 on a quiet host
modules=(veth sch_htb sch_netem nf_tables nft_objref nft_numgen nft_reject_inet nft_compat nfnetlink_queue xt_NFQUEUE
  tcp_diag)

folder=$1
program=$2
agent=$3
arguments=("${@:4}")
skip() { printf '\nSKIPPED, netem was not tested: %s\n' "$*"; exit 77; }

PATH=$PATH:/usr/sbin:/sbin
for tool in qemu-system-x86_64 depmod modprobe cpio; do
  command -v "$tool" >/dev/null || skip "there is no $tool; './dev test netem' installs it"
done
kernels=("$folder"/kernel/boot/vmlinuz-*)
[[ -r "${kernels[0]}" ]] || skip "there is no kernel in $folder/kernel; './dev test netem' downloads one"
kernel=${kernels[0]}
version=${kernel##*/vmlinuz-}

root=$folder/root
rm -rf "$root"
mkdir -p "$root/modules"

# Modules in the order in which they have to be loaded.
unpacked=$(readlink -f "$folder/kernel")
[[ -e "$unpacked/lib/modules/$version/modules.dep" ]] || depmod -b "$unpacked" "$version"
for module in "${modules[@]}"; do modprobe -d "$unpacked" -S "$version" --show-depends "$module"; done |
  awk '$1 == "insmod" && !seen[$2]++ {print $2}' |
  while read -r file; do
    cp "$file" "$root/modules/"
    basename "$file" >>"$root/modules/order"
  done

# The programs, and the libraries that they are linked with, where they look for them.
cp "$program" "$root/init"
for beside in "$agent" /bin/sleep; do
  mkdir -p "$root$(dirname "$beside")"
  cp "$beside" "$root$beside"
done
ldd "$program" "$agent" /bin/sleep | grep -o '/[^ :]* (' | tr -d ' (' | sort -u | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -Lu "$library" "$root$library"
done
(cd "$root" && find . | cpio --quiet -o -H newc) >"$folder/initrd"
rm -rf "$root"

# Its clock counts its instructions, 4 ns each, and skips what it would sleep: however busy the host is, the machine
# measures the same.
machine=(-accel tcg -icount "shift=2,sleep=off" -rtc clock=vm -m 768 -smp 1 -nodefaults -no-user-config -display none -serial stdio -no-reboot
  -kernel "$kernel" -initrd "$folder/initrd" -append "console=ttyS0 quiet loglevel=3 panic=-1 -- ${arguments[*]}")
timeout --kill-after=5 "$seconds_max" qemu-system-x86_64 "${machine[@]}" </dev/null 2>&1 |
  tr -d '\r' | tee "$folder/serial.txt" || true
grep -Eq '^netem: all [1-9][0-9]* tests passed$' "$folder/serial.txt" && exit 0
printf '\nnetem: not all tests passed within %s s; the machine'\''s output is above\n' "$seconds_max"
exit 1
