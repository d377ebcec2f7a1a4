// SPDX-License-Identifier: Apache-2.0
#include "agent/certificates/signing.h"

#include <algorithm>
#include <cerrno>

#include "base/base64.h"
#include "base/digest.h"
#include "base/quote.h"
#include "base/timed_wait.h"

namespace ballast::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char *kRequests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

// "key encipherment" means nothing for a key like ours; but approvers of older clusters take a node's request with it
// only, and newer ones take it as well.
Json object_of(const std::string &name, const Signing &signing, const std::string &request) {
    return {{"apiVersion", "certificates.k8s.io/v1"},
            {"kind", "CertificateSigningRequest"},
            {"metadata", {{"name", name}}},
            {"spec",
             {{"request", base64(request)},
              {"signerName", signing.signer},
              {"usages", {"digital signature", "key encipherment", signing.usage}}}}};
}

// Why there will be none; empty: it is waited for.
std::string refusal(const Json &request) {
    for (const Json &condition : json_at(request, {"status", "conditions"})) {
        const std::string type = json_text(condition, {"type"});
        if (type == "Denied" || type == "Failed") {
            const std::string message = json_text(condition, {"message"});
            return (type == "Denied" ? "it was denied" : "it cannot be signed") +
                   (message.empty() ? "" : ": " + quote(message));
        }
    }
    return "";
}

class Asking {
  public:
    Asking(ApiServer &server, const Signing &signing, const std::string &key, const std::stop_token &stop)
        : server_(server), signing_(signing), key_(key), stop_(stop) {}

    // The certificate; empty: not yet.
    Result<std::string> look(const std::string &name) {
        Result<Json> found = server_.get(std::string(kRequests) + "/" + name, stop_);
        if (!found.has_value() && found.error().code == ENOENT) { // never put, or the cluster has cleaned up
            const std::string request = TRY(signing_request(key_, signing_.identity));
            found = server_.create(kRequests, object_of(name, signing_, request), stop_);
        }
        const Json request = TRY(std::move(found));
        if (const std::string why = refusal(request); !why.empty()) {
            return fail(EKEYREJECTED, why);
        }
        const std::string certificate = TRY(base64_decoded(json_text(request, {"status", "certificate"})));
        if (!certificate.empty() && !belong_together(certificate, key_)) {
            return fail(EKEYREJECTED, "what was signed is no certificate for its key");
        }
        return certificate;
    }

  private:
    ApiServer &server_;
    const Signing &signing_;
    const std::string &key_;
    const std::stop_token &stop_;
};

} // namespace

Result<std::string> signing_name(const Signing &signing, const std::string &key) {
    std::string all = TRY(public_half(key)) + signing.signer + "\n" + signing.usage + "\n" +
                      signing.identity.organization + "\n" + signing.identity.common_name;
    for (const std::vector<std::string> &names : {signing.identity.names, signing.identity.addresses}) {
        for (const std::string &name : names) {
            all += "\n" + name;
        }
    }
    return "node-csr-" + sha256(all);
}

Result<std::string> ask_for_certificate(ApiServer &server, const Signing &signing, const std::string &key,
                                        const SigningTimes &times, const std::stop_token &stop) {
    const std::string name = TRY(signing_name(signing, key));
    const std::string what = "certificate signing request " + name;
    const Clock::time_point end = Clock::now() + times.patience;
    Asking asking(server, signing, key, stop);
    for (std::chrono::milliseconds wait = times.first_wait;; wait = std::min(wait * 2, times.longest_wait)) {
        std::string certificate = TRY(asking.look(name).within(what));
        if (!certificate.empty()) {
            return certificate;
        }
        if (!wait_for(jittered(wait), stop)) {
            return fail(ECANCELED, what + ": given up");
        }
        if (Clock::now() >= end) {
            return fail(ETIMEDOUT,
                        what + ": nobody has approved it; an administrator does: kubectl certificate approve " + name);
        }
    }
}

} // namespace ballast::agent
