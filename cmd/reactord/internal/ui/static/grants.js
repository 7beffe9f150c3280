// Grants in the words of the command line: KIND:VALUE, as the flag has it that gives one. The functions are pure.

const named = (name) => (name ? `${name}=` : "");
const over = (protocol) => (protocol === "TRANSPORT_PROTOCOL_UDP" ? "udp:" : "");

// The kinds of grants, by their names in the API.
const kinds = {
  directory: ({ hostPath = "", guestPath = "", readOnly }) => `dir:${hostPath}:${guestPath}${readOnly ? ":ro" : ""}`,
  listener: ({ name, protocol, address = "" }) => `listen:${named(name)}${over(protocol)}${address}`,
  connection: ({ name, address = "", tls, accept }) => `connect:${named(name)}${address}${tls ? options(tls) : ""}${accept ? ",accept" : ""}`,
  dial: ({ protocol, pattern = "" }) => `dial:${over(protocol)}${pattern}`,
  resolve: ({ pattern = "" }) => `resolve:${pattern}`,
  http: ({ methods = [], origin = "", pathPrefix = "" }) => `http:${methods.join(",")}${methods.length > 0 ? " " : ""}${origin}${pathPrefix}`,
  secret: ({ name = "", ref = "" }) => `secret:${name}=${ref}`,
  link: ({ interface: imported = "", workload = "" }) => `link:${imported}=workload:${workload}`,
};

// options writes how a connection speaks TLS.
function options(tls) {
  const list = [
    ["server-name", tls.serverName], ["ca", tls.ca], ["cert", tls.certificate], ["key", tls.key], ["alpn", (tls.alpn ?? []).join(":")],
  ];
  return `,tls${list.filter(([, value]) => value).map(([name, value]) => `,${name}=${value}`).join("")}`;
}

// grantText writes a grant.
export function grantText(grant) {
  const [kind, value] = Object.entries(grant)[0] ?? [];
  return kinds[kind]?.(value) ?? "a grant that this page does not know";
}

// grantOfOp writes the grant that an operation uses, of which the API has the flag: "--KIND VALUE".
export const grantOfOp = (flag) => flag.replace(/^--(\S+) /, "$1:");
