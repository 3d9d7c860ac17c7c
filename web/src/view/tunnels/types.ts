// What the API sends about tunnels, as web/api/tunnel.go has it.

export interface Peer {
  publicKey: string;
  presharedKey: boolean;
  allowedIPs: string[];
  endpoint: string;
  keepalive: number;
}

export interface Warning { code: string; message: string; details?: string[] }

export interface Config {
  publicKey: string;
  addresses: string[];
  dns: string[];
  search: string[];
  listenPort: number;
  mtu: number;
  peers: Peer[];
  routes: string[];
  full: boolean;
  scripts: string[];
  warnings: Warning[];
}

export interface Tunnel { name: string; groups: string[]; active: boolean; config: Config }

export interface Fault { line: number; key?: string; message: string }

export interface Check { valid: boolean; problems: Fault[]; config: Config | null }
