import{m as t,o as n}from"./chunk-W2TBZ6LF.js";function i(){return n("h1",{children:t("nav.settings")})}export{i as Settings};
