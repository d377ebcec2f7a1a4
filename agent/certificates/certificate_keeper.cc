// SPDX-License-Identifier: Apache-2.0
#include "agent/certificates/certificate_keeper.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "base/log.h"
#include "base/signals_blocked.h"
#include "base/timed_wait.h"
#include "base/timestamp.h"

namespace ballast::agent {

std::int64_t renewal_time(const CertificateTimes &times, double share) {
    constexpr double kEarliest = 0.7, kSpread = 0.2;
    const auto length = static_cast<double>(times.until - times.from);
    return times.from + std::llround(length * (kEarliest + kSpread * share));
}

CertificateKeeper::CertificateKeeper(CertificateStore store, Settings settings, std::optional<KeyPair> current,
                                     KeeperTimes times)
    : store_(std::move(store)), settings_(std::move(settings)), current_(std::move(current)), times_(times) {
    const SignalsBlocked blocked;
    thread_ = std::jthread([this](const std::stop_token &stop) { run(stop); });
}

// 0: now.
std::int64_t CertificateKeeper::due() const {
    if (!current_ || !is_certificate_for(current_->certificate, settings_.signing().identity)) {
        return 0;
    }
    const Result<CertificateTimes> times = times_of_certificate(current_->certificate);
    std::minstd_rand random{std::random_device{}()};
    return times.has_value() ? renewal_time(*times, std::uniform_real_distribution(0.0, 1.0)(random)) : 0;
}

void CertificateKeeper::run(const std::stop_token &stop) {
    std::string trouble;
    std::chrono::milliseconds wait = times_.first_retry;
    while (wait_until(due(), stop)) {
        const Status done = renew(stop);
        if (done.has_value()) {
            trouble.clear();
            wait = times_.first_retry;
        } else if (!stop.stop_requested() && done.error().message != trouble) {
            trouble = done.error().message;
            log::warning(settings_.what + " cannot be asked for: " + trouble + "; tried again");
        }
        if (done.has_value() && settings_.once) {
            return;
        }
        // Also after a success: a signer that gives what is over at once is not asked without a pause.
        if (!wait_for(jittered(wait), stop)) {
            return;
        }
        wait = done.has_value() ? times_.first_retry : std::min(wait * 2, times_.longest_retry);
    }
}

Status CertificateKeeper::renew(const std::stop_token &stop) {
    const Signing signing = settings_.signing();
    ApiServer server(TRY(settings_.asks()));
    const std::string key = TRY(store_.next_key());
    log::info(settings_.what + " is asked for: " + TRY(signing_name(signing, key)));
    Result<std::string> certificate = ask_for_certificate(server, signing, key, times_.signing, stop);
    if (!certificate.has_value()) {
        if (certificate.error().code == EKEYREJECTED) {
            store_.drop_next_key();
        }
        return std::unexpected(certificate.error());
    }
    const CertificateTimes times = TRY(times_of_certificate(*certificate));
    if (times.until <= now_ns() || !is_certificate_for(*certificate, signing.identity)) {
        store_.drop_next_key();
        return fail(EKEYREJECTED, "what was signed is over already, or for somebody else");
    }
    KeyPair pair{.certificate = std::move(*certificate), .key = key};
    TRY(store_.store(pair, now_ns()));
    log::notice(settings_.what + " is good until " + timestamp(times.until, Fraction::kNone));
    settings_.take(pair);
    current_ = std::move(pair);
    return {};
}

} // namespace ballast::agent
