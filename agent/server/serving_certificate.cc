// SPDX-License-Identifier: Apache-2.0
#include "agent/server/serving_certificate.h"

#include "agent/certificates/x509.h"
#include "base/file_io.h"
#include "base/log.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

constexpr std::chrono::hours kGood{365 * 24};

bool is_good(const ServingCertificate &files) {
    const std::string certificate = read_file(files.certificate).value_or("");
    const Result<CertificateTimes> times = times_of_certificate(certificate);
    return times.has_value() && times->until > now_ns() &&
           belong_together(certificate, read_file(files.key).value_or(""));
}

} // namespace

Result<ServingCertificate> own_certificate(const std::filesystem::path &directory, const std::string &name,
                                           const std::vector<std::string> &addresses) {
    ServingCertificate files{.certificate = directory / "kubelet.crt", .key = directory / "kubelet.key"};
    if (is_good(files)) {
        return files;
    }
    const std::string key = TRY(new_key());
    const std::string certificate =
        TRY(self_signed(key, {.common_name = name, .names = {name}, .addresses = addresses}, kGood));
    TRY(make_directories(directory));
    TRY(replace_file(files.key, key, 0600));
    TRY(replace_file(files.certificate, certificate));
    log::notice("made a certificate of its own: " + files.certificate.string());
    return files;
}

SignedCertificate::SignedCertificate(const std::filesystem::path &directory, std::function<Signing()> signing,
                                     std::function<Result<ApiAccess>()> asks, KeeperTimes times)
    : store_(directory, "kubelet-server"), signing_(std::move(signing)), asks_(std::move(asks)), times_(times) {
    Result<std::optional<KeyPair>> found = store_.current();
    if (!found.has_value()) {
        log::warning(found.error().message + "; it is asked for anew");
    } else {
        current_ = std::move(*found);
    }
}

std::optional<ServingCertificate> SignedCertificate::current() const {
    return current_ ? std::optional(files()) : std::nullopt;
}

ServingCertificate SignedCertificate::files() const {
    return {.certificate = store_.current_file(), .key = store_.current_file()};
}

void SignedCertificate::keep(std::function<void(const ServingCertificate &)> take) {
    keeper_.emplace(
        store_,
        CertificateKeeper::Settings{.what = "the certificate that this node shows",
                                    .signing = signing_,
                                    .asks = asks_,
                                    .take = [this, take = std::move(take)](const KeyPair &) { take(files()); }},
        current_, times_);
}

} // namespace ballast::agent
