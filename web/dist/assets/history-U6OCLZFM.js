import{l as o,n as r}from"./chunk-L2PJIKUA.js";function h(){return r("h1",{children:o("nav.history")})}export{h as History};
