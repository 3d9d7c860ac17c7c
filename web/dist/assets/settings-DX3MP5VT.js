import{n as t,p as n}from"./chunk-BE5R6XHT.js";function i(){return n("h1",{children:t("nav.settings")})}export{i as Settings};
