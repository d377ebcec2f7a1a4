// SPDX-License-Identifier: Apache-2.0
#include "base/grpc/session.h"

#include <algorithm>
#include <array>
#include <cstring>
#define NGHTTP2_NO_SSIZE_T
#include <nghttp2/nghttp2.h>

namespace ballast::grpc {
namespace {

constexpr std::int32_t kConnectionWindow = 1 << 20;
constexpr std::size_t kFieldOverhead = 32; // how RFC 9113 section 6.5.2 counts
constexpr std::size_t kForgetSent = 64UL << 10;

// libnghttp2 copies what it is given, names and values.
std::vector<nghttp2_nv> name_values(const Fields &fields) {
    std::vector<nghttp2_nv> values;
    values.reserve(fields.size());
    for (const auto &[name, value] : fields) {
        // It only reads them; its structure is the same for both directions.
        values.push_back({reinterpret_cast<std::uint8_t *>(const_cast<char *>(name.data())),
                          reinterpret_cast<std::uint8_t *>(const_cast<char *>(value.data())), name.size(), value.size(),
                          NGHTTP2_NV_FLAG_NONE});
    }
    return values;
}

std::string_view view_of(const std::uint8_t *bytes, std::size_t size) {
    return {reinterpret_cast<const char *>(bytes), size};
}

} // namespace

std::string_view field(const Fields &fields, std::string_view name) {
    const auto found = std::ranges::find(fields, name, &Fields::value_type::first);
    return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

struct Session::Handle {
    nghttp2_session *session = nullptr;
    Handle() = default;
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    ~Handle() { nghttp2_session_del(session); }
};

struct Session::Callbacks {
    static Session &of(void *user) { return *static_cast<Session *>(user); }

    static int on_begin_headers(nghttp2_session *, const nghttp2_frame *frame, void *user) {
        Body &body = of(user).bodies_[frame->hd.stream_id];
        body.fields.clear();
        return 0;
    }

    static int on_header(nghttp2_session *, const nghttp2_frame *frame, const std::uint8_t *name, std::size_t name_size,
                         const std::uint8_t *value, std::size_t value_size, std::uint8_t, void *user) {
        Session &self = of(user);
        Body &body = self.bodies_[frame->hd.stream_id];
        body.header_bytes += name_size + value_size + kFieldOverhead;
        if (body.header_bytes > self.limits_.header_bytes) {
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // resets the stream
        }
        body.fields.emplace_back(view_of(name, name_size), view_of(value, value_size));
        return 0;
    }

    static int on_frame(nghttp2_session *, const nghttp2_frame *frame, void *user) {
        Session &self = of(user);
        const Stream stream = frame->hd.stream_id;
        if (frame->hd.type == NGHTTP2_HEADERS) {
            const Fields fields = std::exchange(self.bodies_[stream].fields, {});
            self.events_.on_fields(stream, fields);
        }
        const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        if (ends && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)) {
            self.events_.on_end(stream);
        }
        return 0;
    }

    static int on_data(nghttp2_session *, std::uint8_t, Stream stream, const std::uint8_t *bytes, std::size_t size,
                       void *user) {
        of(user).events_.on_data(stream, view_of(bytes, size));
        return 0;
    }

    static int on_close(nghttp2_session *, Stream stream, std::uint32_t error, void *user) {
        Session &self = of(user);
        self.bodies_.erase(stream);
        self.events_.on_closed(stream, error);
        return 0;
    }

    // A server that has answered does not wait for the rest of the request (RFC 9113 section 8.1).
    static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
        const bool ends = frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        if (ends && of(user).side_ == Side::kServer &&
            nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0) {
            return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
        }
        return 0;
    }

    static nghttp2_ssize read_body(nghttp2_session *session, Stream stream, std::uint8_t *into, std::size_t size,
                                   std::uint32_t *flags, nghttp2_data_source *, void *user) {
        Session &self = of(user);
        Body &body = self.bodies_[stream];
        const std::size_t count = std::min(size, body.bytes.size() - body.sent);
        std::memcpy(into, body.bytes.data() + body.sent, count);
        body.sent += count;
        const bool all = body.sent == body.bytes.size();
        if (all || body.sent >= kForgetSent) {
            body.bytes.erase(0, body.sent);
            body.sent = 0;
        }
        if (all && body.finished) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            if (!body.trailers.empty()) {
                *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
                const std::vector<nghttp2_nv> values = name_values(body.trailers);
                if (nghttp2_submit_trailer(session, stream, values.data(), values.size()) != 0) {
                    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
                }
            }
        } else if (count == 0) {
            return NGHTTP2_ERR_DEFERRED;
        }
        return static_cast<nghttp2_ssize>(count);
    }

    static nghttp2_session_callbacks *all() {
        nghttp2_session_callbacks *callbacks = nullptr;
        if (nghttp2_session_callbacks_new(&callbacks) != 0) {
            return nullptr;
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
        return callbacks;
    }
};

Session::Session(Side side, Events &events, const SessionLimits &limits)
    : side_(side), events_(events), limits_(limits), handle_(std::make_unique<Handle>()) {}

Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::make(Side side, Events &events, const SessionLimits &limits) {
    std::unique_ptr<Session> made(new Session(side, events, limits));
    nghttp2_session_callbacks *callbacks = Callbacks::all();
    if (callbacks == nullptr) {
        return fail_errno("HTTP/2", ENOMEM);
    }
    nghttp2_session *&session = made->handle_->session;
    const int error = side == Side::kServer ? nghttp2_session_server_new(&session, callbacks, made.get())
                                            : nghttp2_session_client_new(&session, callbacks, made.get());
    nghttp2_session_callbacks_del(callbacks);
    const std::array<nghttp2_settings_entry, 3> settings = {{
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.header_bytes)},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
    }};
    const std::size_t count =
        side == Side::kClient ? settings.size() : settings.size() - 1; // a server cannot forbid it
    if (error != 0 || nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), count) != 0 ||
        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) != 0) {
        return fail_errno("HTTP/2", ENOMEM);
    }
    return made;
}

Status Session::feed(std::string_view bytes) {
    const nghttp2_ssize count =
        nghttp2_session_mem_recv2(handle_->session, reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size());
    if (count < 0) {
        return fail(EPROTO, std::string("HTTP/2: ") + nghttp2_strerror(static_cast<int>(count)));
    }
    return {};
}

Result<std::string> Session::output(std::size_t most) {
    std::string bytes;
    while (bytes.size() < most) {
        const std::uint8_t *piece = nullptr;
        const nghttp2_ssize count = nghttp2_session_mem_send2(handle_->session, &piece);
        if (count < 0) {
            return fail(EPROTO, std::string("HTTP/2: ") + nghttp2_strerror(static_cast<int>(count)));
        }
        if (count == 0) {
            break;
        }
        bytes += view_of(piece, static_cast<std::size_t>(count));
    }
    return bytes;
}

bool Session::over() const {
    return nghttp2_session_want_read(handle_->session) == 0 && nghttp2_session_want_write(handle_->session) == 0;
}

Result<Session::Stream> Session::open(const Fields &request) {
    const std::vector<nghttp2_nv> values = name_values(request);
    const nghttp2_data_provider2 provider{.source = {}, .read_callback = Callbacks::read_body};
    const Stream stream =
        nghttp2_submit_request2(handle_->session, nullptr, values.data(), values.size(), &provider, nullptr);
    if (stream < 0 || nghttp2_session_check_request_allowed(handle_->session) == 0) {
        return fail(ECONNREFUSED, "HTTP/2: no more requests on this connection");
    }
    bodies_[stream];
    return stream;
}

void Session::respond(Stream stream, const Fields &fields) {
    const std::vector<nghttp2_nv> values = name_values(fields);
    const nghttp2_data_provider2 provider{.source = {}, .read_callback = Callbacks::read_body};
    // Fails for a stream that is closed, where nobody waits for it.
    (void)nghttp2_submit_response2(handle_->session, stream, values.data(), values.size(), &provider);
}

void Session::respond_and_end(Stream stream, const Fields &fields) {
    const std::vector<nghttp2_nv> values = name_values(fields);
    (void)nghttp2_submit_response2(handle_->session, stream, values.data(), values.size(), nullptr); // as above
}

void Session::append(Stream stream, std::string_view bytes) {
    if (const auto found = bodies_.find(stream); found != bodies_.end()) {
        found->second.bytes += bytes;
        (void)nghttp2_session_resume_data(handle_->session, stream); // fails unless it waited
    }
}

void Session::finish(Stream stream, Fields trailers) {
    if (const auto found = bodies_.find(stream); found != bodies_.end()) {
        found->second.finished = true;
        found->second.trailers = std::move(trailers);
        (void)nghttp2_session_resume_data(handle_->session, stream); // fails unless it waited
    }
}

std::size_t Session::waiting(Stream stream) const {
    const auto found = bodies_.find(stream);
    return found == bodies_.end() ? 0 : found->second.bytes.size() - found->second.sent;
}

void Session::reset(Stream stream, std::uint32_t error) {
    (void)nghttp2_submit_rst_stream(handle_->session, NGHTTP2_FLAG_NONE, stream, error); // fails for a closed one
}

void Session::ping() { (void)nghttp2_submit_ping(handle_->session, NGHTTP2_FLAG_NONE, nullptr); }

void Session::go_away() {
    (void)nghttp2_submit_goaway(handle_->session, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(handle_->session), NGHTTP2_NO_ERROR, nullptr,
                                0);
}

} // namespace ballast::grpc
