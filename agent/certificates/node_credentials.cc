// SPDX-License-Identifier: Apache-2.0
#include "agent/certificates/node_credentials.h"

#include <format>

#include "agent/api_server/json.h"
#include "base/base64.h"
#include "base/file_io.h"
#include "base/log.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

constexpr const char *kSigner = "kubernetes.io/kube-apiserver-client-kubelet";

bool is_over(const KeyPair &pair) {
    const Result<CertificateTimes> times = times_of_certificate(pair.certificate);
    return !times.has_value() || times->until <= now_ns();
}

// 0: it is none.
std::int64_t begin_of(const std::string &certificate) {
    const Result<CertificateTimes> times = times_of_certificate(certificate);
    return times.has_value() ? times->from : 0;
}

ApiAccess with_pair(ApiAccess access, const KeyPair &pair) {
    access.tls.certificate.clear();
    access.tls.key.clear();
    access.tls.certificate_text = pair.certificate;
    access.tls.key_text = pair.key;
    access.token.clear();
    access.token_file.clear();
    access.user.clear();
    access.password.clear();
    return access;
}

bool is_there(const fs::path &file) {
    std::error_code unreadable; // is told when it is read
    return !file.empty() && fs::exists(file, unreadable);
}

// JSON's strings are YAML's.
std::string scalar(const std::string &text) { return json_body(Json(text)); }

} // namespace

std::string kubeconfig_text(const ApiAccess &access, const fs::path &certificate) {
    std::string cluster = "    server: " + scalar(access.server.text()) + "\n";
    if (!access.tls.authorities.empty()) {
        cluster += "    certificate-authority-data: " + base64(access.tls.authorities) + "\n";
    }
    if (!access.tls.verify) {
        cluster += "    insecure-skip-tls-verify: true\n";
    }
    if (!access.proxy.empty()) {
        cluster += "    proxy-url: " + scalar(access.proxy) + "\n";
    }
    return std::format(R"(apiVersion: v1
kind: Config
clusters:
- name: default-cluster
  cluster:
{}contexts:
- name: default-context
  context:
    cluster: default-cluster
    namespace: default
    user: default-auth
current-context: default-context
users:
- name: default-auth
  user:
    client-certificate: {}
    client-key: {}
)",
                       cluster, scalar(certificate.string()), scalar(certificate.string()));
}

Result<std::unique_ptr<NodeCredentials>> NodeCredentials::open(Settings settings, Take take) {
    std::unique_ptr<NodeCredentials> credentials(new NodeCredentials(std::move(settings), std::move(take)));
    TRY(credentials->begin());
    return credentials;
}

// The certificate that the access is by, at its best; nothing: it is by something else.
std::optional<KeyPair> NodeCredentials::pair_of(const ApiAccess &access) const {
    const http::ClientTls &tls = access.tls;
    if (tls.certificate_text.empty() && tls.certificate.empty()) {
        return std::nullopt;
    }
    const bool in_files = tls.certificate_text.empty();
    const KeyPair own{.certificate = in_files ? read_file(tls.certificate).value_or("") : tls.certificate_text,
                      .key = in_files ? read_file(tls.key).value_or("") : tls.key_text};
    const Result<std::optional<KeyPair>> renewed = store_.current();
    const bool is_better = settings_.renews && renewed.has_value() && renewed->has_value() && !is_over(**renewed) &&
                           begin_of((*renewed)->certificate) >= begin_of(own.certificate);
    return is_better ? **renewed : own;
}

CertifiedIdentity NodeCredentials::identity() const {
    return {.organization = "system:nodes", .common_name = "system:node:" + settings_.node_name};
}

Status NodeCredentials::begin() {
    const bool bootstraps = is_there(settings_.bootstrap);
    // An existing one may name a certificate that is missing: then it is made anew as well.
    Result<ApiAccess> access = load_kubeconfig(settings_.kubeconfig).within("--kubeconfig");
    if (!access.has_value() && (access.error().code != ENOENT || !bootstraps)) {
        return std::unexpected(access.error());
    }
    std::optional<KeyPair> pair = access.has_value() ? pair_of(*access) : std::nullopt;
    const bool is_good = access.has_value() && !(pair && is_over(*pair));
    if (!is_good && bootstraps) {
        keep(std::nullopt);
        return {};
    }
    if (!is_good) {
        log::error("--kubeconfig: " + settings_.kubeconfig.string() +
                   ": its certificate is over, and there is no "
                   "--bootstrap-kubeconfig to ask for another: join the cluster anew");
    }
    // What is for somebody else is the operator's own, and theirs to renew.
    const bool renews = settings_.renews && pair && is_certificate_for(pair->certificate, identity());
    access_ = renews ? with_pair(std::move(*access), *pair) : std::move(*access);
    take_(*access_);
    if (renews) {
        keep(std::move(pair));
    }
    return {};
}

void NodeCredentials::keep(std::optional<KeyPair> current) {
    keeper_.emplace(
        store_,
        CertificateKeeper::Settings{
            .what = "this node's certificate",
            .signing = [this] { return Signing{.signer = kSigner, .usage = "client auth", .identity = identity()}; },
            .asks = [this] { return asks(); },
            .take = [this](const KeyPair &pair) { take_pair(pair); },
            .once = !settings_.renews},
        std::move(current), settings_.times);
}

// As itself while it can; the bootstrap kubeconfig may be another each time.
Result<ApiAccess> NodeCredentials::asks() {
    by_bootstrap_ = !access_ || is_over({.certificate = access_->tls.certificate_text, .key = {}});
    if (!by_bootstrap_) {
        return *access_;
    }
    if (settings_.bootstrap.empty()) {
        return fail(EACCES, "its certificate is over, and there is no --bootstrap-kubeconfig");
    }
    asked_ = TRY(load_kubeconfig(settings_.bootstrap).within("--bootstrap-kubeconfig"));
    return asked_;
}

void NodeCredentials::take_pair(const KeyPair &pair) {
    constexpr mode_t kSecret = 0600;
    access_ = with_pair(by_bootstrap_ ? asked_ : *access_, pair);
    if (by_bootstrap_) {
        const std::string text = kubeconfig_text(*access_, store_.current_file());
        Status written = make_directories(settings_.kubeconfig.parent_path());
        written = written.has_value() ? replace_file(settings_.kubeconfig, text, kSecret) : written;
        if (!written.has_value()) {
            log::error("this node's kubeconfig: " + written.error().message +
                       "; it has to ask for a certificate again when it starts anew");
        }
    }
    take_(*access_);
}

} // namespace ballast::agent
