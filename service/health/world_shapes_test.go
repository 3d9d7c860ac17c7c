package health

import "time"

// shapes are the kinds of traffic that a tunnel may carry.
var shapes = map[string]func(w *world){
	"idle":  func(*world) {},
	"pings": func(w *world) { w.every(sec, func() { w.data(asking) }) },
	"pings at 5 a second": func(w *world) {
		w.every(200*ms, func() { w.data(asking) })
	},
	"one-way upload": func(w *world) { w.every(20*ms, func() { w.data(ignored) }) },
	"one-way download": func(w *world) {
		w.data(asking)
		w.every(20*ms, func() { w.down(func() { w.receive(true, false, 0) }) })
	},
	"tcp upload": func(w *world) {
		w.every(20*ms, func() { w.data(pushing) })
	},
	"tcp download": func(w *world) {
		w.every(20*ms, func() {
			w.down(func() {
				w.receive(true, false, 0)
				if w.c.DataReceived%2 == 0 {
					w.data(ignored)
				}
			})
		})
	},
	"both ways, unlike": func(w *world) {
		w.every(20*ms, func() { w.data(ignored) })
		w.every(25*ms, func() { w.down(func() { w.receive(true, false, 0) }) })
	},
	"names now and then":         func(w *world) { w.every(30*sec, func() { w.data(asking) }) },
	"a word that nobody answers": func(w *world) { w.every(45*sec, func() { w.data(ignored) }) },
	"bursts": func(w *world) {
		w.every(17*sec, func() {
			for i := range 40 {
				w.after(time.Duration(i)*50*ms, func() { w.data(asking) })
			}
		})
	},
}

// sparse are those that do not notice how a queue grows.
var sparse = map[string]bool{"names now and then": true, "a word that nobody answers": true, "bursts": true}
