use linkbait::*;
fn main(){
  let vs=linkbait_races::roster();
  let pat=std::env::args().nth(1).unwrap_or_default();
  let show=std::env::args().nth(2).is_some();
  let t0=std::time::Instant::now();
  for v in vs { if !v.name().contains(&pat){continue;}
    let t=std::time::Instant::now();
    match Judge::new(Host::detect()).judge(&v) { Ok(r)=>{
      let mut got:Vec<_>=r.findings.iter().map(|f|(f.rule,f.attacker)).collect(); got.sort(); got.dedup();
      let mut want:Vec<_>=v.expected().iter().map(|e|(e.rule,e.class)).collect(); want.sort();want.dedup();
      println!("{} {:22} {} trials {} refused {} unreached {} {:?}", if got==want {"ok  "} else {"DIFF"}, r.name, r.verdict, r.trials,r.refused,r.unreached,t.elapsed());
      if got!=want { println!("     got  {got:?}\n     want {want:?}"); }
      for n in &r.not_examined { println!("     note {n}"); }
      if show { for f in &r.findings { println!("{}", f.timeline); } }
    } Err(e)=>println!("ERR {} {e}", v.name()) } }
  println!("{:?}", t0.elapsed());
}
