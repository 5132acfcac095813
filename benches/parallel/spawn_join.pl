# Seconds to spawn a process and take its result.
use strict; use warnings; use Time::HiRes 'time'; use MCE::Child;
sub times_of { MCE::Child->create(sub { })->join for 1 .. $_[0] }
times_of(20);
my $start = time;
times_of(300);
print +(time - $start) / 300, "\n";
