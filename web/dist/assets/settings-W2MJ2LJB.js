import{l as t,n}from"./chunk-L2PJIKUA.js";function i(){return n("h1",{children:t("nav.settings")})}export{i as Settings};
