package main

// openByHand says what opens the guard where nothing of ours works any more.
const openByHand = ` Where nothing else helps:

  pfctl -a com.apple/000.holdfast -F rules
  route -n delete -inet 0.0.0.0/1
  route -n delete -inet 128.0.0.0/1
  route -n delete -inet6 ::/1
  route -n delete -inet6 8000::/1

A restart of the Mac without the service does it, too, and lets names be found.`
