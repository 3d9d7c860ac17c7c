package notify

import "holdfast/service/event"

var german = words{
	language:     event.German,
	moved:        "Gewechselt zu %s",
	works:        "%s geht wieder",
	worksBody:    "Ohne Verbindung für etwa %s.",
	back:         "Zurück auf %s",
	backBody:     "Der Tunnel geht wieder, darum der Wechsel zurück von %s.",
	unsteady:     "Die Verbindung ist unstet",
	unsteadyBody: "%s ist seit %[3]s %[2]d-mal ausgefallen. Das wird nur noch gemeldet, wenn es andauert; den Verlauf zeigt die Seite.",
	lost:         "Der Dienst antwortet nicht",
	lostBody:     "Der Hintergrunddienst von Holdfast ist nicht da. Ob der Tunnel steht, ist ungewiss. Den Dienst starten, um sicherzugehen.",
	blocked:      "Bis dahin ist der Verkehr gesperrt.",
}
