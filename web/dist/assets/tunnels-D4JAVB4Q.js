import{m as n,o}from"./chunk-W2TBZ6LF.js";function r(){return o("h1",{children:n("nav.tunnels")})}export{r as Tunnels};
