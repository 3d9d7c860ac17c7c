// What of UserNotifications the Go side uses. Strings are UTF-8 and copied.

// Asks for permission and names the buttons. 0: this process is in no bundle.
int holdfast_center_open(const char *openLabel, const char *reconnectLabel);
// Shows a notification, in the place of one of the same name.
void holdfast_center_show(const char *name, const char *title, const char *body, int urgency, int reconnect);
// Closes it, on the screen and in the list.
void holdfast_center_close(const char *name);
