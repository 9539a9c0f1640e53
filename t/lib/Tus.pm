package Tus;

# A client of tus 1.0 (resumable uploads) that sends one request at a time.
#
#   my $upload = Tus->create($ann, $video, length $content);
#   $upload->patch(0, $content)->is(204);
#   $upload->offset;

use v5.36;

use Digest::SHA ();

use constant CHUNK_TYPE => 'application/offset+octet-stream';

# Creates an upload; dies if the site rejects it.
sub create ($class, $actor, $video, $length, %headers) {
    my $answer = $class->request_upload($actor, $video, $length, %headers);
    die "no upload was created: $answer->{head}\n" if $answer->status != 201;
    return $class->at($actor, scalar $answer->header('Location'));
}

# The upload with this URL.
sub at ($class, $actor, $url) { return bless {actor => $actor, url => $url}, $class }

# Requests the creation of an upload. Returns the response.
sub request_upload ($class, $actor, $video, $length, %headers) {
    return $actor->post("/stream/videos/$video", '',
        headers => {'Tus-Resumable' => '1.0.0', 'Upload-Length' => $length, 'Content-Length' => 0, %headers});
}

sub url ($self) { return $self->{url} }
sub id  ($self) { return $self->{url} =~ s{.*/}{}r }

sub head   ($self) { return $self->{actor}->head($self->{url},   headers => {'Tus-Resumable' => '1.0.0'}) }
sub delete ($self) { return $self->{actor}->delete($self->{url}, headers => {'Tus-Resumable' => '1.0.0'}) }

# The upload's current offset; undef if the upload does not exist.
sub offset ($self) { return scalar $self->head->header('Upload-Offset') }

# The options of a request that sends a chunk. Headers override the default ones.
sub chunk ($class, $offset, $bytes, %headers) {
    return (
        body    => $bytes,
        headers => {
            'Tus-Resumable' => '1.0.0',
            'Upload-Offset' => $offset,
            'Content-Type'  => CHUNK_TYPE,
            %headers,
        },
    );
}

sub patch ($self, $offset, $bytes, %headers) {
    my $actor = $self->{actor};
    return $actor->request('PATCH', $self->{url}, on => $actor->site->connect, $self->chunk($offset, $bytes, %headers));
}

# Starts to send a chunk of this length, but sends only these bytes of it for now.
sub open ($self, $offset, $bytes, $length, %headers) {
    return $self->{actor}->open('PATCH', $self->{url},
        $self->chunk($offset, $bytes, 'Content-Length' => $length, %headers));
}

# Values of Upload-Checksum.
sub sha1   ($bytes) { return 'sha1 ' . Digest::SHA::sha1_base64($bytes) . '=' }
sub sha256 ($bytes) { return 'sha256 ' . Digest::SHA::sha256_base64($bytes) . '=' }

1;
