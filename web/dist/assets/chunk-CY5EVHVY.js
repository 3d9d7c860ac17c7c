function o(t,c){let e=document.createElement("a");e.href=URL.createObjectURL(c),e.download=t,e.click(),setTimeout(()=>URL.revokeObjectURL(e.href),1e4)}export{o as a};
