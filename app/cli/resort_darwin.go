package main

// lastResort is what opens everything where nothing of Holdfast works any more.
const lastResort = `  pfctl -a com.apple/000.holdfast -F rules
  route -n delete -inet 0.0.0.0/1
  route -n delete -inet 128.0.0.0/1
  route -n delete -inet6 ::/1
  route -n delete -inet6 8000::/1

and, where names are not found, a restart of the Mac.`
