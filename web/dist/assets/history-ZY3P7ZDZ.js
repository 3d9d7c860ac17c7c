import{m as o,o as r}from"./chunk-W2TBZ6LF.js";function h(){return r("h1",{children:o("nav.history")})}export{h as History};
