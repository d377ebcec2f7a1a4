// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ballast::control_plane {

// As `kubeadm init` makes them: a token that everybody may know, and what whoever has it may ask for. Who approves the
// certificates, and renews them, is the test's affair.
inline constexpr const char *kBootstrapToken = R"yaml(
apiVersion: v1
kind: Secret
metadata: {name: bootstrap-token-abcdef, namespace: kube-system}
type: bootstrap.kubernetes.io/token
stringData:
  token-id: abcdef
  token-secret: 0123456789abcdef
  usage-bootstrap-authentication: "true"
  auth-extra-groups: "system:bootstrappers:kubeadm:default-node-token"
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: bootstrap}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:node-bootstrapper"}
subjects: [{kind: Group, name: "system:bootstrappers:kubeadm:default-node-token"}]
)yaml";

} // namespace ballast::control_plane
