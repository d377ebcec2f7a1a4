// SPDX-License-Identifier: Apache-2.0
#include "base/http/tls_client.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file_io.h"
#include "base/log.h"

namespace ballast::http {
namespace {

constexpr mode_t kOthers = 077;
constexpr std::chrono::seconds kHandshakeTime{10};
constexpr std::chrono::seconds kGoodbyeTime{10}; // for a client to close once the server has

std::string reason() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char *text = code == 0 ? nullptr : ERR_reason_error_string(code);
    return text == nullptr ? "unknown error" : text;
}

std::unexpected<Error> bad_file(const char *what, const std::filesystem::path &file) {
    return fail(EINVAL, std::string("TLS: the ") + what + " in " + file.string() + ": " + reason());
}

Status check_key(const std::filesystem::path &file) {
    struct stat status{};
    if (stat(file.c_str(), &status) != 0) {
        return fail_errno("TLS: " + file.string());
    }
    if ((status.st_mode & kOthers) != 0) {
        return fail(EPERM, "TLS: " + file.string() + ": others than its owner may use the key; chmod 600 it");
    }
    return {};
}

Status want_certificates(SSL_CTX *context, const TlsFiles &files) {
    TRY(open_file(files.authorities, O_RDONLY).within("TLS"));
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (files.strangers ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT), nullptr);
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files.authorities.c_str());
    if (names == nullptr || SSL_CTX_load_verify_file(context, files.authorities.c_str()) != 1) {
        return bad_file("authorities", files.authorities);
    }
    SSL_CTX_set_client_CA_list(context, names); // takes them
    return {};
}

Result<TlsCredentials::Context> context_of(const TlsFiles &files) {
    TRY(open_file(files.certificate, O_RDONLY).within("TLS"));
    TRY(check_key(files.key));
    TlsCredentials::Context context(SSL_CTX_new(TLS_server_method()));
    if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
        return fail(EIO, "TLS: " + reason());
    }
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (!files.authorities.empty() || !files.strangers) {
        TRY(want_certificates(context.get(), files));
    }
    if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
        return bad_file("certificate", files.certificate);
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context.get()) != 1) {
        return bad_file("key", files.key);
    }
    return context;
}

// Every text of that kind in a name; one that holds a NUL, which would read as another elsewhere, is left out.
std::vector<std::string> texts_of(const X509_NAME *name, int kind) {
    std::vector<std::string> texts;
    for (int place = X509_NAME_get_index_by_NID(name, kind, -1); place >= 0;
         place = X509_NAME_get_index_by_NID(name, kind, place)) {
        unsigned char *bytes = nullptr;
        const int size = ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, place)));
        if (size < 0) {
            continue;
        }
        std::string text(reinterpret_cast<const char *>(bytes), static_cast<std::size_t>(size));
        OPENSSL_free(bytes);
        if (!text.contains('\0')) {
            texts.push_back(std::move(text));
        }
    }
    return texts;
}

} // namespace

void TlsCredentials::Free::operator()(ssl_ctx_st *context) const { SSL_CTX_free(context); }
void TlsCredentials::Free::operator()(ssl_st *session) const { SSL_free(session); }

Status TlsCredentials::open(const TlsFiles &files) {
    const std::lock_guard lock(mutex_);
    files_ = files;
    stamps_ = stamps();
    context_ = TRY(context_of(files_));
    return {};
}

void TlsCredentials::use(const TlsFiles &files) {
    const std::lock_guard lock(mutex_);
    files_ = files;
    stamps_ = {};
}

TlsCredentials::Session TlsCredentials::session() {
    const std::lock_guard lock(mutex_);
    const Stamps now = stamps();
    if (now != stamps_) {
        stamps_ = now; // of before they are read: what changes meanwhile is read again
        read_again();
    }
    return Session(SSL_new(context_.get())); // which keeps the context
}

TlsCredentials::Stamps TlsCredentials::stamps() const {
    return {stamp_of(files_.authorities), stamp_of(files_.certificate), stamp_of(files_.key)};
}

void TlsCredentials::read_again() {
    Result<Context> made = context_of(files_);
    if (made.has_value()) {
        context_ = std::move(*made);
        log::info("TLS: read again: " + files_.certificate.string());
    } else {
        log::error(made.error().message + "; what was read before holds");
    }
    ERR_clear_error(); // what is left there would be taken for the client's
}

TlsClient::TlsClient(TlsCredentials &credentials, BorrowedFd socket, BorrowedFd stop)
    : session_(credentials.session()), socket_(socket), stop_(stop) {
    if (session_ != nullptr && SSL_set_fd(session_.get(), socket.get()) != 1) {
        session_.reset();
    }
}

bool TlsClient::shake_hands(std::string &why) {
    if (session_ == nullptr) {
        why = "out of memory";
        return false;
    }
    const Clock::time_point deadline = Clock::now() + kHandshakeTime;
    while (true) {
        const int done = SSL_accept(session_.get());
        if (done == 1) {
            return true;
        }
        if (!note(done)) {
            why = reason();
            return false;
        }
        if (!wait(deadline)) {
            why = "no handshake in time";
            return false;
        }
    }
}

void TlsClient::run(Fd plain) {
    plain_ = std::move(plain);
    std::optional<Clock::time_point> deadline;
    while (true) {
        socket_events_ = plain_events_ = 0;
        if (!bring_up() || !bring_down() || (up_closed_ && down_closed_)) {
            return;
        }
        if (down_closed_ && !deadline) {
            deadline = Clock::now() + kGoodbyeTime;
        }
        if (!wait(deadline)) {
            return;
        }
    }
}

// What a call of OpenSSL's waits for. False: it failed.
bool TlsClient::note(int result) {
    switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
        socket_events_ |= POLLIN;
        return true;
    case SSL_ERROR_WANT_WRITE:
        socket_events_ |= POLLOUT;
        return true;
    default:
        return false;
    }
}

bool TlsClient::wait(std::optional<Clock::time_point> deadline) {
    // One that nothing is wanted of is left out: its hang-up would be told over and over.
    std::array<pollfd, 3> entries{pollfd{socket_events_ != 0 ? socket_.get() : -1, socket_events_, 0},
                                  pollfd{plain_events_ != 0 ? plain_.get() : -1, plain_events_, 0},
                                  pollfd{stop_.get(), POLLIN, 0}};
    const int count = poll(entries.data(), entries.size(), deadline ? poll_time(*deadline) : -1);
    return (count > 0 && entries[2].revents == 0) || (count < 0 && errno == EINTR);
}

// From the client to the server. False: the connection is over.
bool TlsClient::bring_up() {
    if (!up_closed_ && up_.empty()) {
        const int count = SSL_read(session_.get(), up_room_.data(), static_cast<int>(up_room_.size()));
        if (count > 0) {
            up_ = {up_room_.data(), static_cast<std::size_t>(count)};
        } else if (SSL_get_error(session_.get(), count) == SSL_ERROR_ZERO_RETURN) {
            (void)shutdown(plain_.get(), SHUT_WR); // the server may have been faster
            up_closed_ = true;
        } else if (!note(count)) {
            return false;
        }
    }
    if (up_.empty()) {
        return true;
    }
    const ssize_t sent = send(plain_.get(), up_.data(), up_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        return false;
    }
    up_.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
    if (up_.empty()) {
        socket_events_ |= SSL_has_pending(session_.get()) == 1 ? POLLIN | POLLOUT : POLLIN; // go on at once
    } else {
        plain_events_ |= POLLOUT;
    }
    return true;
}

bool TlsClient::bring_down() {
    if (!down_closed_ && down_.empty()) {
        const ssize_t count = recv(plain_.get(), down_room_.data(), down_room_.size(), MSG_DONTWAIT);
        if (count > 0) {
            down_ = {down_room_.data(), static_cast<std::size_t>(count)};
        } else if (count == 0) {
            (void)SSL_shutdown(session_.get()); // tells the client; what it says to that is read above
            down_closed_ = true;
        } else if (errno == EAGAIN || errno == EINTR) {
            plain_events_ |= POLLIN;
        } else {
            return false;
        }
    }
    if (down_.empty()) {
        return true;
    }
    const int sent = SSL_write(session_.get(), down_.data(), static_cast<int>(down_.size()));
    if (sent > 0) {
        down_.remove_prefix(static_cast<std::size_t>(sent));
        plain_events_ |= down_.empty() ? POLLIN : 0;
        socket_events_ |= down_.empty() ? 0 : POLLOUT;
        return true;
    }
    return note(sent);
}

std::optional<CertifiedName> TlsClient::certified() const {
    const X509 *certificate = SSL_get0_peer_certificate(session_.get());
    if (certificate == nullptr || SSL_get_verify_result(session_.get()) != X509_V_OK) {
        return std::nullopt; // a wrong one has ended the handshake
    }
    const X509_NAME *subject = X509_get_subject_name(certificate);
    std::vector<std::string> names = texts_of(subject, NID_commonName);
    return CertifiedName{.common_name = names.empty() ? "" : std::move(names.back()),
                         .organizations = texts_of(subject, NID_organizationName)};
}

} // namespace ballast::http
