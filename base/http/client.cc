// SPDX-License-Identifier: Apache-2.0
#include "base/http/client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <curl/curl.h>
#include <mutex>

#include "base/quote.h"
#include "base/trimmed.h"

namespace ballast::http {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kMostHeaders = 256;
constexpr std::size_t kMostIdle = 16;       // connections kept
constexpr long kReceiveBuffer = 256L << 10; // libcurl's own 16 KiB cost a call for every TLS record
constexpr std::string_view kBlanks = " \t\r\n";

bool same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string seconds(milliseconds time) {
    return time.count() % 1000 == 0 ? std::to_string(time.count() / 1000) + " s" : std::to_string(time.count()) + " ms";
}

// A query may hold a token: messages go without.
std::string shown(const ClientRequest &request) {
    const Url &url = request.url;
    return request.method + " " + url.scheme + "://" + url.authority() +
           escaped(url.target.substr(0, url.target.find('?')));
}

// One libcurl transfer handle with a connection cache of its own. libcurl does not share connections between threads.
struct Handle {
    CURLM *multi = curl_multi_init();
    CURL *easy = curl_easy_init();
    std::string origin; // where its connection leads to

    Handle() = default;
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    ~Handle() {
        curl_easy_cleanup(easy);
        curl_multi_cleanup(multi);
    }
    bool is_usable() const { return multi != nullptr && easy != nullptr; }
};

struct HeaderList {
    curl_slist *list = nullptr;
    bool failed = false;

    HeaderList() = default;
    HeaderList(const HeaderList &) = delete;
    HeaderList &operator=(const HeaderList &) = delete;
    ~HeaderList() { curl_slist_free_all(list); }
    void add(const std::string &line) {
        curl_slist *longer = curl_slist_append(list, line.c_str());
        failed = failed || longer == nullptr;
        list = longer != nullptr ? longer : list;
    }
};

// Is it a token (RFC 9110 section 5.6.2), and a value without line breaks?
bool is_sendable(const ClientHeader &header) {
    constexpr std::string_view kSeparators = "\"(),/:;<=>?@[\\]{}";
    return !header.name.empty() &&
           std::ranges::all_of(header.name, [&](char c) { return c > ' ' && c < 0x7f && !kSeparators.contains(c); }) &&
           std::ranges::none_of(header.value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

// One request on its way, with libcurl's callbacks.
class Transfer {
  public:
    Transfer(Handle &handle, const ClientRequest &request) : handle_(handle), request_(request) {}

    Result<ClientResponse> run();

  private:
    static std::size_t header_arrived(char *data, std::size_t, std::size_t size, void *self) {
        return static_cast<Transfer *>(self)->take_header({data, size}) ? size : CURL_WRITEFUNC_ERROR;
    }
    static std::size_t body_arrived(char *data, std::size_t, std::size_t size, void *self) {
        return static_cast<Transfer *>(self)->take_body({data, size}) ? size : CURL_WRITEFUNC_ERROR;
    }
    static std::size_t body_wanted(char *data, std::size_t, std::size_t size, void *self) {
        return static_cast<Transfer *>(self)->give_body({data, size});
    }
    static int rewind_wanted(void *self, curl_off_t offset, int origin) {
        return static_cast<Transfer *>(self)->start_again(offset, origin);
    }

    bool take_header(std::string_view line);
    bool take_body(std::string_view piece);
    std::size_t give_body(std::span<char> piece);
    int start_again(curl_off_t offset, int origin) const;
    bool refuse(Error error) {
        error_ = std::move(error);
        return false;
    }

    template <typename Value>
    void set(CURLoption option, Value value) {
        const CURLcode code = curl_easy_setopt(handle_.easy, option, value);
        setup_ = setup_ == CURLE_OK ? code : setup_;
    }
    void set_up();
    void set_up_body();
    void set_up_tls();
    Status set_up_headers();
    Status drive();
    Status check_patience(Clock::duration waited);
    Status end_of(CURLcode code) const;

    Handle &handle_;
    const ClientRequest &request_;
    ClientResponse response_;
    HeaderList headers_;
    CURLcode setup_ = CURLE_OK;
    std::array<char, CURL_ERROR_SIZE> detail_{};
    std::optional<Error> error_;
    bool has_head_ = false;
    std::size_t header_bytes_ = 0;

    std::uint64_t moved_ = 0;      // bytes in both directions, for the idle limit
    std::uint64_t seen_moved_ = 0; // when it was last looked at
    std::uint64_t slow_start_ = 0; // `moved_` when the slow window began
    Clock::duration idle_{};
    Clock::duration slow_{};
};

bool Transfer::take_header(std::string_view line) {
    moved_ += line.size();
    header_bytes_ += line.size();
    if (header_bytes_ > request_.most_header_bytes || response_.head.headers.size() >= kMostHeaders) {
        return refuse({EFBIG, "the response's header is too large"});
    }
    if (has_head_) {
        return true; // a trailer, which nobody asked for
    }
    if (line.starts_with("HTTP/")) {
        response_.head = {};
        const std::string_view code = line.substr(std::min(line.find(' ') + 1, line.size()));
        (void)std::from_chars(code.data(), code.data() + code.size(), response_.head.status); // checked by libcurl
        return true;
    }
    if (trimmed(line, kBlanks).empty()) {
        constexpr int kFirstFinal = 200;
        if (response_.head.status < kFirstFinal) {
            return true;
        }
        has_head_ = true;
        if (request_.on_head) {
            if (Status status = request_.on_head(response_.head); !status.has_value()) {
                return refuse(std::move(status.error()));
            }
        }
        return true;
    }
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
        response_.head.headers.push_back({std::string(trimmed(line.substr(0, colon), kBlanks)),
                                          std::string(trimmed(line.substr(colon + 1), kBlanks))});
    }
    return true;
}

bool Transfer::take_body(std::string_view piece) {
    moved_ += piece.size();
    if (request_.sink) {
        Status status = request_.sink(piece);
        return status.has_value() || refuse(std::move(status.error()));
    }
    if (response_.body.size() + piece.size() > request_.most_body) {
        return refuse({EFBIG, "the response is larger than " + std::to_string(request_.most_body) + " bytes"});
    }
    response_.body.append(piece);
    return true;
}

std::size_t Transfer::give_body(std::span<char> piece) {
    Result<std::size_t> count = request_.source(piece);
    if (!count.has_value()) {
        error_ = std::move(count.error());
        return CURL_READFUNC_ABORT;
    }
    moved_ += *count;
    return *count;
}

int Transfer::start_again(curl_off_t offset, int origin) const {
    if (!request_.rewind || offset != 0 || origin != SEEK_SET) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    return request_.rewind().has_value() ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

Status Transfer::set_up_headers() {
    bool has_type = false;
    for (const ClientHeader &header : request_.headers) {
        if (!is_sendable(header)) {
            return fail(EINVAL, "the header " + quote(header.name) + " cannot be sent");
        }
        has_type = has_type || same_name(header.name, "Content-Type");
        headers_.add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
    }
    if (!has_type) {
        headers_.add("Content-Type:"); // libcurl's own guess for POST would be a form
    }
    headers_.add("Expect:"); // it costs a second with servers that do not know it
    if (headers_.failed) {
        return fail_errno("send headers", ENOMEM);
    }
    set(CURLOPT_HTTPHEADER, headers_.list);
    return {};
}

void Transfer::set_up_body() {
    if (request_.method == "HEAD") {
        set(CURLOPT_NOBODY, 1L);
        return;
    }
    if (request_.source) {
        set(CURLOPT_UPLOAD, 1L);
        set(CURLOPT_READFUNCTION, &Transfer::body_wanted);
        set(CURLOPT_READDATA, this);
        set(CURLOPT_SEEKFUNCTION, &Transfer::rewind_wanted);
        set(CURLOPT_SEEKDATA, this);
        set(CURLOPT_UPLOAD_BUFFERSIZE, kReceiveBuffer);
        if (request_.source_size) {
            set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(*request_.source_size));
        }
    } else if (!request_.body.empty() || request_.method == "POST" || request_.method == "PUT" ||
               request_.method == "PATCH") {
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
        set(CURLOPT_POSTFIELDS, request_.body.c_str());
    }
    if (request_.method != "GET" || request_.source || !request_.body.empty()) {
        set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    }
}

void Transfer::set_up_tls() {
    const ClientTls &tls = request_.tls;
    set(CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
    // The hashed directory alone: of the file beside it every connection would parse all certificates.
    set(CURLOPT_CAINFO, nullptr);
    set(CURLOPT_CAPATH, tls.only_those ? nullptr : "/etc/ssl/certs");
    const auto set_text = [this](CURLoption option, const std::string &text) {
        curl_blob blob{const_cast<char *>(text.data()), text.size(), CURL_BLOB_NOCOPY};
        set(option, &blob);
    };
    if (!tls.authorities.empty()) {
        set_text(CURLOPT_CAINFO_BLOB, tls.authorities);
    }
    if (!tls.certificate_text.empty()) {
        set_text(CURLOPT_SSLCERT_BLOB, tls.certificate_text);
        set_text(CURLOPT_SSLKEY_BLOB, tls.key_text);
    } else if (!tls.certificate.empty()) {
        set(CURLOPT_SSLCERT, tls.certificate.c_str());
        set(CURLOPT_SSLKEY, tls.key.c_str());
    }
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
}

void Transfer::set_up() {
    curl_easy_reset(handle_.easy); // the connection stays
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)); // one transfer a connection: 2 only costs
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_URL, request_.url.text().c_str());
    set(CURLOPT_PROXY, request_.proxy.c_str()); // empty: libcurl does not look into the environment
    set(CURLOPT_NOPROXY, "");
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
    if (!request_.unix_socket.empty()) {
        set(CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
    }
    set(CURLOPT_BUFFERSIZE, kReceiveBuffer);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.patience.connect.count()));
    if (request_.patience.total) {
        set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(request_.patience.total->count(), 1)));
    }
    set(CURLOPT_ERRORBUFFER, detail_.data());
    set(CURLOPT_HEADERFUNCTION, &Transfer::header_arrived);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::body_arrived);
    set(CURLOPT_WRITEDATA, this);
    set_up_body();
    set_up_tls();
}

Status Transfer::check_patience(Clock::duration waited) {
    const ClientPatience &patience = request_.patience;
    idle_ = moved_ == seen_moved_ ? idle_ + waited : Clock::duration{};
    seen_moved_ = moved_;
    // While it connects, connecting has a limit of its own.
    curl_off_t connected = 0;
    if (curl_easy_getinfo(handle_.easy, CURLINFO_PRETRANSFER_TIME_T, &connected) == CURLE_OK && connected == 0) {
        idle_ = {};
    }
    if (idle_ >= patience.idle) {
        return fail(ETIMEDOUT,
                    has_head_ ? "no byte for " + seconds(patience.idle) : "no answer for " + seconds(patience.idle));
    }
    slow_ += has_head_ || request_.source ? waited : Clock::duration{};
    if (patience.slow_bytes > 0 && slow_ >= patience.slow_time) {
        if (moved_ - slow_start_ < patience.slow_bytes) {
            return fail(ETIMEDOUT,
                        "only " + std::to_string(moved_ - slow_start_) + " bytes in " + seconds(patience.slow_time));
        }
        slow_ = {};
        slow_start_ = moved_;
    }
    return {};
}

Status Transfer::drive() {
    constexpr milliseconds kLongestWait{1000};
    const int wait =
        static_cast<int>(std::min(kLongestWait, std::max(request_.patience.idle / 4, milliseconds(1))).count());
    const std::stop_callback wake(request_.stop, [this] { curl_multi_wakeup(handle_.multi); });
    while (true) {
        int running = 0;
        if (request_.stop.stop_requested()) {
            return fail(ECANCELED, "canceled");
        }
        if (curl_multi_perform(handle_.multi, &running) != CURLM_OK) {
            return fail(ENOMEM, "libcurl gave up");
        }
        if (running == 0) {
            break;
        }
        const auto start = Clock::now();
        if (curl_multi_poll(handle_.multi, nullptr, 0, wait, nullptr) != CURLM_OK) {
            return fail(ENOMEM, "libcurl gave up");
        }
        TRY(check_patience(Clock::now() - start));
    }
    int left = 0;
    const CURLMsg *message = curl_multi_info_read(handle_.multi, &left);
    return end_of(message != nullptr ? message->data.result : CURLE_FAILED_INIT);
}

// libcurl's verdict as ours.
Status Transfer::end_of(CURLcode code) const {
    if (error_) {
        return std::unexpected(*error_);
    }
    const std::string detail = escaped(detail_[0] != '\0' ? detail_.data() : curl_easy_strerror(code));
    const std::string host = request_.url.authority();
    long proxy_status = 0;
    (void)curl_easy_getinfo(handle_.easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status); // 0 when it cannot tell
    if (code != CURLE_OK && proxy_status >= 400) {
        return fail(proxy_status < 500 ? EACCES : ECONNREFUSED,
                    "the proxy opens no way to " + host + ": it answers " + std::to_string(proxy_status));
    }
    switch (code) {
    case CURLE_OK:
        return {};
    case CURLE_OPERATION_TIMEDOUT: {
        curl_off_t connected = 0;
        (void)curl_easy_getinfo(handle_.easy, CURLINFO_PRETRANSFER_TIME_T, &connected); // 0 when it cannot tell
        return connected == 0
                   ? fail(ETIMEDOUT, "no connection to " + host + " within " + seconds(request_.patience.connect))
                   : fail(ETIMEDOUT,
                          "not complete within " + seconds(request_.patience.total.value_or(milliseconds{})));
    }
    case CURLE_COULDNT_RESOLVE_HOST:
        return fail(EHOSTUNREACH,
                    "the name " + quote(request_.url.host) + " does not resolve: check it, and this machine's DNS");
    case CURLE_COULDNT_RESOLVE_PROXY:
        return fail(EHOSTUNREACH, "the name of the proxy does not resolve: check the proxy's setting");
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
        return fail(ECONNREFUSED, "cannot connect to " + host + ": " + detail);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return fail(EKEYREJECTED, "the certificate of " + host + " is not trusted: " + detail);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CLIENTCERT:
        return fail(EKEYREJECTED, "certificates for " + host + ": " + detail);
    case CURLE_SSL_CONNECT_ERROR:
        return fail(EPROTO, "no TLS with " + host + ": " + detail);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_HTTP2:
    case CURLE_TOO_LARGE:
    case CURLE_BAD_CONTENT_ENCODING:
        return fail(EPROTO, host + " does not speak HTTP as it should: " + detail);
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return fail(EINVAL, detail);
    case CURLE_OUT_OF_MEMORY:
        return fail(ENOMEM, detail);
    default:
        return fail(ECONNRESET, "the connection to " + host + " broke: " + detail);
    }
}

Result<ClientResponse> Transfer::run() {
    set_up();
    TRY(set_up_headers());
    if (setup_ != CURLE_OK) {
        return fail(EINVAL, curl_easy_strerror(setup_));
    }
    if (curl_multi_add_handle(handle_.multi, handle_.easy) != CURLM_OK) {
        return fail(ENOMEM, "libcurl gave up");
    }
    Status status = drive();
    // Closes the connection when the response is not whole.
    curl_multi_remove_handle(handle_.multi, handle_.easy);
    if (!status.has_value()) {
        return std::unexpected(std::move(status.error()));
    }
    return std::move(response_);
}

} // namespace

std::string_view ResponseHead::header(std::string_view name) const {
    const auto found =
        std::ranges::find_if(headers, [&](const ClientHeader &header) { return same_name(header.name, name); });
    return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

std::vector<std::string_view> ResponseHead::all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const ClientHeader &header : headers) {
        if (same_name(header.name, name)) {
            values.emplace_back(header.value);
        }
    }
    return values;
}

std::optional<std::uint64_t> ResponseHead::content_length() const {
    const std::string_view text = header("Content-Length");
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    return text.empty() || error != std::errc() || end != text.data() + text.size() ? std::nullopt
                                                                                    : std::optional(length);
}

struct Client::Pool {
    std::mutex mutex;
    std::vector<std::unique_ptr<Handle>> idle; // the one used last is last

    // The connection used last to this origin, or a handle that has none yet.
    std::unique_ptr<Handle> take(const std::string &origin) {
        const std::lock_guard lock(mutex);
        const auto found = std::ranges::find_last(idle, origin, &Handle::origin);
        if (found.empty()) {
            return std::make_unique<Handle>();
        }
        std::unique_ptr<Handle> handle = std::move(*found.begin());
        idle.erase(found.begin());
        return handle;
    }
    void give_back(std::unique_ptr<Handle> handle) {
        const std::lock_guard lock(mutex);
        idle.push_back(std::move(handle));
        if (idle.size() > kMostIdle) {
            idle.erase(idle.begin());
        }
    }
};

Client::Client() : pool_(std::make_unique<Pool>()) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

Client::~Client() = default;

Result<ClientResponse> Client::send(const ClientRequest &request) {
    std::string origin = request.url.scheme + "://" + request.url.authority() + request.unix_socket.string();
    std::unique_ptr<Handle> handle = pool_->take(origin);
    if (!handle->is_usable()) {
        return fail_errno(shown(request), ENOMEM);
    }
    handle->origin = std::move(origin);
    Result<ClientResponse> response = Transfer(*handle, request).run().within(shown(request));
    pool_->give_back(std::move(handle));
    return response;
}

} // namespace ballast::http
