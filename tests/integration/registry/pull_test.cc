// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/pull.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/integration/registry/hostile_registry.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::tests;
using namespace std::chrono_literals;
using image::Digest;
using registry::PullRequest;
using Words = std::vector<std::string>;

namespace {

std::string shown(const std::string &digest) { return digest.substr(7, 12); }

} // namespace

TEST_CASE("an image is pulled, and progress told in the docker client's words", "[registry]") {
    Workplace work;
    HostileRegistry registry;
    const TestImage image = make_image({noise(200'000, 1), "two"});
    registry.add("a", "v1", image);
    const std::vector<registry::Pulled> pulled = must(work.pull(name_at(registry)));
    REQUIRE(pulled.size() == 1);
    CHECK(pulled[0].is_new);
    CHECK(pulled[0].digest == image.top.digest);
    CHECK(pulled[0].id.text() == image.config);
    CHECK(work.words("v1") == Words{"Pulling from a"});
    CHECK(work.words("") ==
          Words{"Digest: " + image.top.digest.text(), "Status: Downloaded newer image for " + name_at(registry)});
    Words words = work.words(shown(image.layers[0]));
    std::erase(words, "Extracting"); // may be done before it is shown
    CHECK(words ==
          Words{"Pulling fs layer", "Downloading", "Verifying Checksum", "Download complete", "Pull complete"});
    CHECK(work.layer_file(pulled[0].id, 0) == noise(200'000, 1));
    CHECK(work.layer_file(pulled[0].id, 1) == "two");
    CHECK(must(work.store->find(name_at(registry))).digests ==
          Words{registry.address() + "/a@" + image.top.digest.text()});
}

TEST_CASE("what is there already is not fetched again", "[registry]") {
    Workplace work;
    HostileRegistry registry;
    const TestImage first = make_image({"one", "two"});
    const TestImage second = make_image({"one", "three"});
    registry.add("a", "v1", first);
    registry.add("a", "v2", second);
    must(work.pull(name_at(registry)));
    CHECK_FALSE(must(work.pull(name_at(registry))).at(0).is_new);
    CHECK(registry.count("GET", "/manifests/") == 1); // the second time it was asked by HEAD
    CHECK(work.words("v1") == Words{"Pulling from a"});
    CHECK(work.words("").back() == "Status: Image is up to date for " + name_at(registry));
    must(work.pull(name_at(registry, "a:v2")));
    CHECK(work.words(shown(first.layers[0])) == Words{"Already exists"});
    CHECK(registry.blob_requests(first.layers[0]) == 1);
    CHECK(registry.blob_requests(second.layers[1]) == 1);
}

TEST_CASE("a tag that moved brings the newer image", "[registry]") {
    Workplace work;
    HostileRegistry registry;
    registry.add("a", "v1", make_image({"one"}));
    const Digest old = must(work.pull(name_at(registry))).at(0).id;
    registry.add("a", "v1", make_image({"two"}));
    const registry::Pulled now = must(work.pull(name_at(registry))).at(0);
    CHECK(now.is_new);
    CHECK(now.id != old);
    CHECK(must(work.store->find(name_at(registry))).id == now.id);
}

TEST_CASE("a transfer that breaks goes on where it ended", "[registry]") {
    Workplace work;
    const TestImage image = make_image({noise(300'000, 1)});
    const std::string &blob = image.blobs.at(image.layers[0]);
    std::atomic<int> asked = 0;
    HostileRegistry registry([&](Turn &turn) {
        if (!is_blob(turn, image.layers[0]) || asked++ > 0) {
            return false;
        }
        turn.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(blob.size()) + "\r\n\r\n" +
                  blob.substr(0, 100'000));
        turn.hang_up();
        return true;
    });
    registry.add("a", "v1", image);
    const Digest id = must(work.pull(name_at(registry))).at(0).id;
    CHECK(work.layer_file(id, 0) == noise(300'000, 1));
    const auto seen = registry.server().seen();
    CHECK(seen.back().header("Range") == "bytes=100000-");
    CHECK(std::ranges::contains(work.words(shown(image.layers[0])), "Retrying in 1 second"));
}

TEST_CASE("a server that cannot go on in the middle begins anew", "[registry]") {
    Workplace work;
    const TestImage image = make_image({noise(300'000, 1)});
    const std::string &blob = image.blobs.at(image.layers[0]);
    std::atomic<int> asked = 0;
    HostileRegistry registry([&](Turn &turn) {
        if (!is_blob(turn, image.layers[0])) {
            return false;
        }
        turn.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(blob.size()) + "\r\n\r\n" +
                  blob.substr(0, asked++ == 0 ? 100'000 : blob.size()));
        turn.hang_up();
        return true;
    });
    registry.add("a", "v1", image);
    CHECK(work.layer_file(must(work.pull(name_at(registry))).at(0).id, 0) == noise(300'000, 1));
}

TEST_CASE("what an interrupted pull brought is there for the next one", "[registry]") {
    Workplace work;
    const TestImage image = make_image({noise(300'000, 1)});
    const std::string &blob = image.blobs.at(image.layers[0]);
    std::atomic<bool> breaks = true;
    HostileRegistry registry([&](Turn &turn) {
        if (!is_blob(turn, image.layers[0]) || !breaks) {
            return false;
        }
        if (turn.request.header("Range").empty()) {
            turn.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(blob.size()) + "\r\n\r\n" +
                      blob.substr(0, 100'000));
        }
        turn.hang_up();
        return true;
    });
    registry.add("a", "v1", image);
    CHECK(error_of(work.pull(name_at(registry))).code == ECONNRESET);
    CHECK_FALSE(work.store->find(name_at(registry)).has_value());
    breaks = false;
    must(work.pull(name_at(registry)));
    CHECK(registry.server().seen().back().header("Range") == "bytes=100000-");
}

TEST_CASE("a registry that stalls in the middle is given up, and asked again", "[registry]") {
    Workplace work;
    work.settings.patience.idle = 100ms;
    const TestImage image = make_image({noise(300'000, 1)});
    std::atomic<int> asked = 0;
    HostileRegistry registry([&](Turn &turn) {
        if (!is_blob(turn, image.layers[0]) || asked++ > 0) {
            return false;
        }
        turn.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(image.blobs.at(image.layers[0]).size()) +
                  "\r\n\r\n" + "short");
        turn.stall();
        return true;
    });
    registry.add("a", "v1", image);
    // The five bytes were wrong ones: the digest says so, and all is fetched anew.
    CHECK(work.layer_file(must(work.pull(name_at(registry))).at(0).id, 0) == noise(300'000, 1));
    CHECK(registry.blob_requests(image.layers[0]) == 3);
}

TEST_CASE("a layer with other bytes than promised is refused", "[registry]") {
    Workplace work;
    const TestImage image = make_image({"one", "two"});
    HostileRegistry registry([&](Turn &turn) {
        if (!is_blob(turn, image.layers[1])) {
            return false;
        }
        std::string other = image.blobs.at(image.layers[1]);
        other[other.size() / 2] ^= 1;
        turn.respond(200, other);
        return true;
    });
    registry.add("a", "v1", image);
    const Error error = error_of(work.pull(name_at(registry)));
    CHECK(error.code == EBADMSG);
    CHECK(error.message.contains("filesystem layer verification failed for digest " + image.layers[1]));
    CHECK_FALSE(work.store->find(name_at(registry)).has_value());
    CHECK_FALSE(work.store->blobs().has(must(Digest::parse(image.layers[1]))));
    CHECK(registry.blob_requests(image.layers[1]) == 2); // bounded
}

TEST_CASE("a layer of another size than promised is refused", "[registry]") {
    const TestImage image = make_image({noise(100'000, 1)});
    const std::string &blob = image.blobs.at(image.layers[0]);
    const std::string start = "HTTP/1.1 200 OK\r\n\r\n"; // it ends when the connection does
    struct Case {
        const char *what;
        int code;
        std::function<void(Turn &)> answer;
    };
    for (const Case &one : std::initializer_list<Case>{
             {"a length that is too large", EBADMSG, [&](Turn &turn) { turn.respond(200, blob + "more"); }},
             {"a length that is too small", EBADMSG, [&](Turn &turn) { turn.respond(200, blob.substr(1)); }},
             {"no end", EBADMSG,
              [&](Turn &turn) {
                  turn.send(start + blob.substr(0, 5000));
                  while (!turn.hangs_up()) {
                      turn.send(std::string(65536, 'x'));
                  }
              }},
             {"a part that nobody asked for", EPROTO,
              [&](Turn &turn) { turn.respond(206, blob, "Content-Range: bytes 5-9/10\r\n"); }},
             {"an end too early", ECONNRESET, [&](Turn &turn) {
                  turn.send(start + blob.substr(0, 5000));
                  turn.hang_up();
              }}}) {
        CAPTURE(one.what);
        Workplace work;
        HostileRegistry registry([&](Turn &turn) {
            if (is_blob(turn, image.layers[0])) {
                one.answer(turn);
                return true;
            }
            return false;
        });
        registry.add("a", "v1", image);
        CHECK(error_of(work.pull(name_at(registry))).code == one.code);
        CHECK(registry.blob_requests(image.layers[0]) <= 5);
    }
}

TEST_CASE("a manifest is checked against the digest that it is asked by, and may not be large", "[registry]") {
    Workplace work;
    const TestImage image = make_image({"one"});
    const TestImage other = make_image({"other"});
    bool large = false;
    HostileRegistry registry([&](Turn &turn) {
        if (!turn.request.target.contains("/manifests/")) {
            return false;
        }
        turn.respond(200, large ? std::string(5UL << 20, ' ') : other.documents.begin()->second,
                     "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n");
        return true;
    });
    registry.add("a", "v1", image);
    registry.add("a", "v2", other);
    CHECK(error_of(work.pull(name_at(registry, "a@" + image.top.digest.text()))).code == EBADMSG);
    large = true;
    CHECK(error_of(work.pull(name_at(registry))).code == EFBIG);
}

TEST_CASE("a media type cannot make one thing of another", "[registry]") {
    Workplace work;
    const TestImage image = make_image({"one"});
    const TestImage index = make_index({image}, {image::Platform::own().text()});
    std::string type;
    HostileRegistry registry([&](Turn &turn) {
        if (!turn.request.target.ends_with("/manifests/v1")) {
            return false;
        }
        turn.respond(200, index.documents.at(index.top.digest.text()), "Content-Type: " + type + "\r\n");
        return true;
    });
    registry.add("a", "v1", index);
    type = "application/vnd.oci.image.manifest.v1+json";
    CHECK(error_of(work.pull(name_at(registry))).code == EINVAL);
    type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    CHECK_FALSE(work.pull(name_at(registry)).has_value());
    type = "application/vnd.oci.image.index.v1+json; charset=utf-8";
    CHECK(work.pull(name_at(registry)).has_value());
}

TEST_CASE("the image of an index that fits this machine is taken, or the one that was asked for", "[registry]") {
    Workplace work;
    const TestImage index = make_index({make_image({"amd"}, "linux/amd64"), make_image({"arm"}, "linux/arm64")},
                                       {"linux/amd64", "linux/arm64"});
    HostileRegistry registry;
    registry.add("a", "v1", index);
    const auto pulled = [&](const char *platform) {
        return work.pull(name_at(registry), {.platform = must(image::Platform::parse(platform))});
    };
    const registry::Pulled amd = must(pulled("linux/amd64")).at(0);
    CHECK(work.layer_file(amd.id, 0) == "amd");
    CHECK(amd.digest == index.top.digest);
    CHECK(work.layer_file(must(pulled("linux/arm64")).at(0).id, 0) == "arm");
    const Error error = error_of(pulled("linux/s390x"));
    CHECK(error.code == ENOENT);
    const registry::Remote remote =
        must(registry::inspect_remote(work.settings, must(image::Reference::parse(name_at(registry))), {}));
    CHECK(remote.descriptor.digest == index.top.digest);
    CHECK(remote.platforms.size() == 2);
}

TEST_CASE("indexes in indexes without end are refused", "[registry]") {
    Workplace work;
    TestImage nested = make_image({"one"});
    for (unsigned depth = 0; depth <= image::kDeepestIndex; ++depth) {
        nested = make_index({nested}, {image::Platform::own().text()});
    }
    HostileRegistry registry;
    registry.add("a", "v1", nested);
    CHECK(error_of(work.pull(name_at(registry))).code == EINVAL);
}

TEST_CASE("what a registry refuses is said as docker says it", "[registry]") {
    Workplace work;
    int status = 404;
    std::string body;
    HostileRegistry registry([&](Turn &turn) {
        turn.respond(status, body);
        return true;
    });
    struct Case {
        int status;
        const char *body;
        int code;
        const char *message;
    };
    for (const Case &one : std::initializer_list<Case>{
             {404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})", ENOENT,
              "not found: manifest unknown: manifest unknown"},
             {404, R"({"errors":[{"code":"NAME_UNKNOWN","message":"no such"}]})", ENOENT, "repository "},
             {403, R"({"errors":[{"code":"DENIED","message":"no"}]})", ENOENT, "pull access denied for "},
             {401, "", EACCES, "unauthorized: authentication required"},
             {429, R"({"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]})", EAGAIN, "slow down"},
             {500, "<html>", EIO, "500 Internal Server Error"}}) {
        status = one.status;
        body = one.body;
        CAPTURE(status, body);
        const Error error = error_of(work.pull(name_at(registry)));
        CHECK(error.code == one.code);
        CHECK(error.message.contains(one.message));
    }
}

TEST_CASE("a registry that is busy is asked again, as long as it wishes", "[registry]") {
    Workplace work;
    std::atomic<int> refusals = 4;
    HostileRegistry registry([&](Turn &turn) {
        if (refusals-- <= 0) {
            return false;
        }
        turn.respond(refusals % 2 == 0 ? 429 : 503, "", "Retry-After: 0\r\n");
        return true;
    });
    registry.add("a", "v1", make_image({"one"}));
    work.settings.retry.attempts = 5;
    must(work.pull(name_at(registry)));
}

TEST_CASE("several layers come at once", "[registry]") {
    Workplace work;
    const TestImage image = make_image({"one", "two", "three", "four"});
    std::atomic<int> together = 0;
    HostileRegistry registry([&](Turn &turn) {
        if (std::ranges::any_of(image.layers, [&](const std::string &layer) { return is_blob(turn, layer); })) {
            ++together;
            while (together < 4) { // would never end one after the other
                std::this_thread::sleep_for(1ms);
            }
        }
        return false;
    });
    registry.add("a", "v1", image);
    must(work.pull(name_at(registry)));
}

TEST_CASE("two pulls of one image are one transfer", "[registry]") {
    Workplace work;
    const TestImage image = make_image({noise(500'000, 1), noise(500'000, 2)});
    HostileRegistry registry;
    registry.add("a", "v1", image);
    registry.add("b", "v1", image);
    std::atomic<int> good = 0;
    {
        std::vector<std::jthread> threads;
        for (const char *name : {"a:v1", "b:v1", "a:v1", "b:v1"}) {
            threads.emplace_back([&, name] {
                const PullRequest request{.reference = must(image::Reference::parse(name_at(registry, name)))};
                good += registry::pull(*work.store, work.settings, request, {}).has_value() ? 1 : 0;
            });
        }
    }
    CHECK(good == 4);
    CHECK(registry.blob_requests(image.layers[0]) == 1);
    CHECK(registry.blob_requests(image.layers[1]) == 1);
}

TEST_CASE("a pull ends at once when its client hangs up", "[registry]") {
    Workplace work;
    const TestImage image = make_image({noise(300'000, 1), noise(300'000, 2)});
    std::stop_source stop;
    HostileRegistry registry([&](Turn &turn) {
        if (!is_blob(turn, image.layers[0]) && !is_blob(turn, image.layers[1])) {
            return false;
        }
        stop.request_stop();
        turn.stall();
        return true;
    });
    registry.add("a", "v1", image);
    work.settings.patience.idle = 1h;
    CHECK(error_of(work.pull(name_at(registry), {.stop = stop.get_token()})).code == ECANCELED);
    CHECK_FALSE(work.store->find(name_at(registry)).has_value());
}

TEST_CASE("all tags of a repository are pulled, over pages of a list", "[registry]") {
    Workplace work;
    std::string next = "</v2/a/tags/list?last=v1&n=1>; rel=\"next\"";
    HostileRegistry registry([&](Turn &turn) {
        if (turn.request.target == "/v2/a/tags/list") {
            turn.respond(200, R"({"name":"a","tags":["v1"]})", "Link: " + next + "\r\n");
        } else if (turn.request.target == "/v2/a/tags/list?last=v1&n=1") {
            turn.respond(200, R"({"name":"a","tags":["v2"]})");
        } else {
            return false;
        }
        return true;
    });
    registry.add("a", "v1", make_image({"one"}));
    registry.add("a", "v2", make_image({"two"}));
    CHECK(must(work.pull(name_at(registry, "a"), {.all_tags = true})).size() == 2);
    CHECK(work.words("").back() == "Status: Downloaded newer image for " + name_at(registry, "a"));
    next = "<http://evil.example/v2/a/tags/list>; rel=\"next\"";
    CHECK(error_of(work.pull(name_at(registry, "a"), {.all_tags = true})).code == EPROTO);
    next = "</v2/a/tags/list>; rel=\"next\""; // in a circle
    CHECK_FALSE(work.pull(name_at(registry, "a"), {.all_tags = true}).has_value());
}

TEST_CASE("a mirror comes first and gets no credentials, and what it lacks comes from the origin", "[registry]") {
    Workplace work;
    const TestImage image = make_image({"one", "two"});
    HostileRegistry mirror([](Turn &turn) { // would take them
        turn.respond(401, "", "WWW-Authenticate: Basic realm=\"x\"\r\n");
        return true;
    });
    HostileRegistry good_mirror;
    good_mirror.add("library/a", "v1", image);
    work.settings.hosts.mirrors = {"http://" + mirror.address(), "http://" + good_mirror.address()};
    must(work.pull("a:v1", {.credentials = {.user = "me", .password = "secret"}}));
    CHECK(saw_no_credentials(mirror.server()));
    CHECK(saw_no_credentials(good_mirror.server()));
    CHECK(mirror.server().seen().size() == 1);
    CHECK(work.words("").back() == "Status: Downloaded newer image for a:v1");
    CHECK(must(work.store->find("a:v1")).digests == Words{"a@" + image.top.digest.text()});
}

TEST_CASE("a layer that a mirror has spoilt comes from the next endpoint", "[registry]") {
    Workplace work;
    const TestImage image = make_image({"one", "two"});
    HostileRegistry mirror([&](Turn &turn) {
        if (!is_blob(turn, image.layers[0])) {
            return false;
        }
        turn.respond(200, std::string(image.blobs.at(image.layers[0]).size(), 'x'));
        return true;
    });
    HostileRegistry origin; // another mirror, as far as docker.io is concerned
    mirror.add("library/a", "v1", image);
    origin.add("library/a", "v1", image);
    work.settings.hosts.mirrors = {"http://" + mirror.address(), "http://" + origin.address()};
    CHECK(work.layer_file(must(work.pull("a:v1")).at(0).id, 0) == "one");
    CHECK(origin.blob_requests(image.layers[0]) == 1);
    CHECK(origin.blob_requests(image.layers[1]) == 0);
}

TEST_CASE("a layer that is no archive fails the pull, and nothing of it stays", "[registry]") {
    Workplace work;
    TestImage image = make_image({"one"});
    image::Manifest manifest = must(image::parse_manifest(image.documents.begin()->second, "test"));
    const std::string garbage = noise(5000, 1);
    manifest.layers[0].digest = Digest::of(garbage);
    manifest.layers[0].size = garbage.size();
    const std::string text = image::manifest_text(manifest);
    image.top.digest = Digest::of(text);
    image.documents[image.top.digest.text()] = text;
    image.types[image.top.digest.text()] = image::kOciManifest;
    image.blobs[manifest.layers[0].digest.text()] = garbage;
    HostileRegistry registry;
    registry.add("a", "v1", image);
    CHECK_FALSE(work.pull(name_at(registry)).has_value());
    CHECK_FALSE(work.store->find(name_at(registry)).has_value());
    CHECK(registry.blob_requests(manifest.layers[0].digest.text()) <= 2);
}
