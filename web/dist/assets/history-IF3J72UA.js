import{o,q as r}from"./chunk-FBQHPI5V.js";function h(){return r("h1",{children:o("nav.history")})}export{h as History};
