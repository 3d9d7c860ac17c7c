package main

// openByHand says what opens the guard where nothing of ours works any more.
const openByHand = ` Where nothing else helps:

  nft delete table inet holdfast
  nft delete table arp holdfast
  ip -4 rule del priority 26728
  ip -6 rule del priority 26728
  ip -4 rule del priority 26727
  ip -6 rule del priority 26727
  ip -4 route flush table all proto 104
  ip -6 route flush table all proto 104`
