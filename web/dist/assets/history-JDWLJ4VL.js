import{n as o,p as r}from"./chunk-BE5R6XHT.js";function h(){return r("h1",{children:o("nav.history")})}export{h as History};
