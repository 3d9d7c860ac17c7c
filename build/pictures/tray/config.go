//go:build linux

package main

import (
	"os"
	"path/filepath"
)

// panel is one bar above, with a place for icons and a clock.
const panel = `<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="true"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="28"/>
      <property name="icon-size" type="uint" value="18"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
        <value type="int" value="2"/>
        <value type="int" value="3"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-2" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
      <property name="icon-size" type="int" value="18"/>
    </property>
    <property name="plugin-3" type="string" value="clock">
      <property name="mode" type="uint" value="2"/>
      <property name="digital-layout" type="uint" value="3"/>
      <property name="digital-time-format" type="string" value="%H:%M "/>
    </property>
  </property>
</channel>
`

// notifications are shown as most desktops do.
const notifications = `[global]
    width = 400
    height = 200
    origin = top-right
    offset = 14x42
    frame_width = 1
    frame_color = "#c9ced3"
    corner_radius = 8
    padding = 14
    horizontal_padding = 16
    font = DejaVu Sans 10
    format = "<b>%s</b>\n%b"
    markup = full
    icon_position = left
    min_icon_size = 32
    max_icon_size = 36
    text_icon_padding = 14
    show_indicators = no
[urgency_low]
    background = "#fbfcfc"
    foreground = "#1f2529"
    timeout = 0
[urgency_normal]
    background = "#fbfcfc"
    foreground = "#1f2529"
    timeout = 0
[urgency_critical]
    background = "#fbfcfc"
    foreground = "#1f2529"
    frame_color = "#db443c"
    timeout = 0
`

// configure writes how the desktop looks.
func (d *desktop) configure() error {
	for path, text := range map[string]string{
		"config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml": panel,
		"config/dunst/dunstrc": notifications,
	} {
		path = filepath.Join(d.dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Join(d.dir, "run"), 0o700)
}
