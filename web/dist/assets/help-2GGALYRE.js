import{n as o,p as h}from"./chunk-BE5R6XHT.js";function p(){return h("h1",{children:o("nav.help")})}export{p as Help};
