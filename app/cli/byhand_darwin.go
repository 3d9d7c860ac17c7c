package main

// openByHand says what opens the guard where nothing of ours works any more.
const openByHand = ` Where nothing else helps:

  pfctl -a com.apple/000.holdfast -F rules

The routes go when the computer is started anew without the service.`
